//! Where requests may go that people and models ask for: to the internet, and never inside.
//!
//! Whoever can make this server request an address of their choice could otherwise read what only this machine and its
//! network may: databases, routers, the credentials that clouds hand out under 169.254.169.254. What counts is the address
//! that is connected to, so it is looked at after the name was resolved, by the resolver of the very client that connects.

use std::{
    error::Error,
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket},
    sync::Arc,
};

use reqwest::{
    Client, ClientBuilder,
    dns::{Addrs, Name, Resolve, Resolving},
    redirect::Policy,
};
use url::{Host, Url};

/// Why an address is not requested; a sentence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// Another scheme than `http` and `https`.
    #[error("Only http and https addresses are fetched.")]
    Scheme,
    /// A user or a password.
    #[error("The address contains a user name or a password. Leave it out.")]
    Credentials,
    /// No host.
    #[error("The address names no host.")]
    NoHost,
    /// A host that is not on the internet.
    #[error("The address is inside a private network or this machine; only addresses on the internet are fetched.")]
    Inside,
}

/// The guard, and the client that obeys it.
#[derive(Clone, Debug, Default)]
pub struct Outside {
    /// Inside, and allowed all the same.
    allowed: Arc<[SocketAddr]>,
}

impl Outside {
    /// A guard that lets these literal addresses pass too: for servers of tests.
    pub fn with_exceptions(allowed: &[SocketAddr]) -> Self {
        Self { allowed: allowed.into() }
    }

    /// Looks at what can be seen before anything is resolved. Needed for each redirect as well: a client never resolves an
    /// address that is written as numbers.
    ///
    /// # Errors
    /// [`Refused`].
    pub fn check(&self, url: &Url) -> Result<(), Refused> {
        if !matches!(url.scheme(), "http" | "https") {
            return Err(Refused::Scheme);
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(Refused::Credentials);
        }
        let address = match url.host() {
            None => return Err(Refused::NoHost),
            // The resolver looks at it.
            Some(Host::Domain(_)) => return Ok(()),
            Some(Host::Ipv4(address)) => IpAddr::V4(address),
            Some(Host::Ipv6(address)) => IpAddr::V6(address),
        };
        let port = url.port_or_known_default().unwrap_or_default();
        let passes = is_outside(address) || self.allowed.contains(&SocketAddr::new(address, port));
        if passes { Ok(()) } else { Err(Refused::Inside) }
    }

    /// Whether what is at this address is on the internet, as far as this machine's resolver knows: others reach it there as well.
    pub async fn is_reached(&self, url: &Url) -> bool {
        match url.host() {
            Some(Host::Domain(name)) => match name.parse() {
                Ok(name) => OutsideResolver.resolve(name).await.is_ok(),
                Err(_) => false,
            },
            _ => self.check(url).is_ok(),
        }
    }

    /// A client that connects to no name that is inside, follows no redirect by itself and knows no proxy of the system's: a
    /// proxy would resolve the name once more, and elsewhere. Its user still has to [`Outside::check`] each address.
    pub fn client(&self) -> ClientBuilder {
        Client::builder().no_proxy().redirect(Policy::none()).dns_resolver(Arc::new(OutsideResolver))
    }

    /// Why a request of such a client was refused, if it was.
    pub fn refusal(error: &(dyn Error + 'static)) -> Option<Refused> {
        let mut cause = Some(error);
        while let Some(error) = cause {
            if let Some(refused) = error.downcast_ref::<Refused>() {
                return Some(*refused);
            }
            cause = error.source();
        }
        None
    }
}

/// Resolves names as the system does, and leaves out what is inside. The client connects to the addresses that this returns and
/// does not resolve the name again, so an answer that changes later (DNS rebinding) has no effect.
struct OutsideResolver;

impl Resolve for OutsideResolver {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let found: Vec<_> = tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
            if found.is_empty() {
                return Err(io::Error::new(io::ErrorKind::NotFound, "the name has no address").into());
            }
            let outside: Vec<_> = found.into_iter().filter(|address| is_outside(address.ip())).collect();
            if outside.is_empty() {
                return Err(Refused::Inside.into());
            }
            Ok(Box::new(outside.into_iter()) as Addrs)
        })
    }
}

/// Whether an address is on the internet: what IANA's registries of special addresses call globally reachable, except the addresses of this
/// machine.
fn is_outside(address: IpAddr) -> bool {
    let is_global = match address {
        IpAddr::V4(address) => is_outside_v4(address),
        IpAddr::V6(address) => is_outside_v6(address),
    };
    is_global && !is_own(address)
}

/// Whether an address is one of this machine's, which it is if a socket can be bound to it. Services that listen on every address are
/// reached under it from here, behind any firewall in front of the machine.
fn is_own(address: IpAddr) -> bool {
    // An address for documentation (RFC 5737, RFC 3849) is assigned to no machine. If it can be bound, any address can be bound, and the
    // test says nothing.
    let unassigned = match address {
        IpAddr::V4(_) => IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)),
        IpAddr::V6(_) => IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1)),
    };
    let can_bind = |address| UdpSocket::bind(SocketAddr::new(address, 0)).is_ok();
    can_bind(address) && !can_bind(unassigned)
}

/// Networks of IPv4 that are not the internet, with the number of leading bits that count.
const INSIDE_V4: [(Ipv4Addr, u32); 17] = [
    (Ipv4Addr::UNSPECIFIED, 8),            // this network
    (Ipv4Addr::new(10, 0, 0, 0), 8),       // private
    (Ipv4Addr::new(100, 64, 0, 0), 10),    // carrier-grade NAT; metadata of a cloud
    (Ipv4Addr::new(127, 0, 0, 0), 8),      // loopback
    (Ipv4Addr::new(168, 63, 129, 16), 32), // metadata of a cloud, under a public address
    (Ipv4Addr::new(169, 254, 0, 0), 16),   // link-local; metadata of clouds
    (Ipv4Addr::new(172, 16, 0, 0), 12),    // private
    (Ipv4Addr::new(192, 0, 0, 0), 24),     // protocols; metadata of a cloud
    (Ipv4Addr::new(192, 0, 2, 0), 24),     // documentation
    (Ipv4Addr::new(192, 31, 196, 0), 24),  // AS112
    (Ipv4Addr::new(192, 52, 193, 0), 24),  // automatic multicast tunnels
    (Ipv4Addr::new(192, 88, 99, 0), 24),   // relays of 6to4
    (Ipv4Addr::new(192, 168, 0, 0), 16),   // private
    (Ipv4Addr::new(198, 18, 0, 0), 15),    // benchmarks
    (Ipv4Addr::new(198, 51, 100, 0), 24),  // documentation
    (Ipv4Addr::new(203, 0, 113, 0), 24),   // documentation
    (Ipv4Addr::new(224, 0, 0, 0), 3),      // multicast, reserved, broadcast
];

/// The one network of IPv6 that is the internet. Loopback, local, multicast, mapped, NAT64 addresses are outside of it.
const GLOBAL_V6: (Ipv6Addr, u32) = (Ipv6Addr::new(0x2000, 0, 0, 0, 0, 0, 0, 0), 3);

/// What is special within it.
const INSIDE_V6: [(Ipv6Addr, u32); 4] = [
    (Ipv6Addr::new(0x2001, 0, 0, 0, 0, 0, 0, 0), 23), // protocols: Teredo, benchmarks, ORCHID
    (Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0), 32), // documentation
    (Ipv6Addr::new(0x2002, 0, 0, 0, 0, 0, 0, 0), 16), // 6to4: an address of IPv4 is inside
    (Ipv6Addr::new(0x3fff, 0, 0, 0, 0, 0, 0, 0), 20), // documentation
];

fn is_outside_v4(address: Ipv4Addr) -> bool {
    !INSIDE_V4.iter().any(|(network, bits)| (address.to_bits() ^ network.to_bits()) >> (32 - bits) == 0)
}

fn is_outside_v6(address: Ipv6Addr) -> bool {
    let within = |(network, bits): &(Ipv6Addr, u32)| (address.to_bits() ^ network.to_bits()) >> (128 - bits) == 0;
    within(&GLOBAL_V6) && !INSIDE_V6.iter().any(within)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checked(url: &str) -> Result<(), Refused> {
        Outside::default().check(&url.parse().unwrap())
    }

    #[test]
    fn addresses_of_the_internet_pass() {
        for url in ["https://example.com/a?b#c", "http://8.8.8.8:8080/", "http://[2606:4700::1111]/", "http://1.1/"] {
            assert_eq!(checked(url), Ok(()), "{url}");
        }
        for edge in ["9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0", "172.15.255.255", "172.32.0.0"] {
            assert!(is_outside(edge.parse().unwrap()), "{edge}");
        }
    }

    #[test]
    fn every_way_to_write_an_address_inside_is_seen_through() {
        let inside = [
            "http://127.0.0.1/",
            "http://127.1/",
            "http://2130706433/",
            "http://0x7f000001/",
            "http://0x7f.1/",
            "http://0177.0.0.1/",
            "http://017700000001/",
            "http://127.0.0.1./",
            "http://①②⑦.⓪.⓪.①/",
            "http://0/",
            "http://0.0.0.0:80/",
            "http://[::1]/",
            "http://[::]/",
            "http://[::ffff:127.0.0.1]/",
            "http://[::7f00:1]/",
            "http://[::ffff:a9fe:a9fe]/",
            "http://[64:ff9b::7f00:1]/",
            "http://[64:ff9b:1::a00:1]/",
            "http://[2002:7f00:1::]/",
            "http://[2001:0:1::1]/",
            "http://[2001:db8::1]/",
            "http://[3fff::1]/",
            "http://[fe80::1]/",
            "http://[fd00:ec2::254]/",
            "http://[fc00::1]/",
            "http://[ff02::1]/",
            "http://[5f00::1]/",
            "http://10.1.2.3/",
            "http://172.16.0.1/",
            "http://172.31.255.255/",
            "http://192.168.1.1/",
            "http://169.254.169.254/latest/meta-data/",
            "http://2852039166/",
            "http://100.100.100.200/",
            "http://100.64.0.1/",
            "http://168.63.129.16/",
            "http://192.0.0.192/",
            "http://192.0.2.1/",
            "http://192.88.99.1/",
            "http://198.18.0.1/",
            "http://198.19.255.255/",
            "http://198.51.100.1/",
            "http://203.0.113.1/",
            "http://224.0.0.1/",
            "http://239.255.255.250/",
            "http://240.0.0.1/",
            "http://255.255.255.255/",
        ];
        for url in inside {
            assert_eq!(checked(url), Err(Refused::Inside), "{url}");
        }
    }

    #[test]
    fn other_schemes_and_credentials_are_refused() {
        for url in ["file:///etc/passwd", "ftp://example.com/", "gopher://example.com/", "data:text/html,x"] {
            assert_eq!(checked(url), Err(Refused::Scheme), "{url}");
        }
        for url in ["http://user@example.com/", "http://:secret@example.com/", "http://example.com:80@127.0.0.1/"] {
            assert_eq!(checked(url), Err(Refused::Credentials), "{url}");
        }
    }

    #[test]
    fn an_exception_is_one_address_and_one_port() {
        let guard = Outside::with_exceptions(&["127.0.0.1:4000".parse().unwrap()]);
        assert_eq!(guard.check(&"http://127.0.0.1:4000/".parse().unwrap()), Ok(()));
        assert_eq!(guard.check(&"http://127.0.0.1:4001/".parse().unwrap()), Err(Refused::Inside));
        assert_eq!(guard.check(&"http://[::1]:4000/".parse().unwrap()), Err(Refused::Inside));
    }

    #[tokio::test]
    async fn a_name_that_resolves_inside_is_refused() {
        let refused = OutsideResolver.resolve("localhost".parse().unwrap()).await.err().unwrap();
        assert_eq!(Outside::refusal(&*refused), Some(Refused::Inside));
        // Some systems know this spelling and some do not; none gives an address.
        assert!(OutsideResolver.resolve("localhost.".parse().unwrap()).await.is_err());
    }
}
