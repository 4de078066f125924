//! Networks, and who a request comes from when proxies stand before the server.

use std::{net::IpAddr, str::FromStr};

/// The addresses that begin with the same bits: `10.0.0.0/8`, `2001:db8::/32`, or one address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    address: IpAddr,
    bits: u32,
}

impl Network {
    /// Whether the address is one of them.
    pub fn contains(&self, address: IpAddr) -> bool {
        match (self.address, address.to_canonical()) {
            (IpAddr::V4(own), IpAddr::V4(other)) => {
                let mask = u32::MAX.checked_shl(32 - self.bits).unwrap_or(0);
                (own.to_bits() ^ other.to_bits()) & mask == 0
            }
            (IpAddr::V6(own), IpAddr::V6(other)) => {
                let mask = u128::MAX.checked_shl(128 - self.bits).unwrap_or(0);
                (own.to_bits() ^ other.to_bits()) & mask == 0
            }
            _ => false,
        }
    }
}

impl FromStr for Network {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (address, bits) = text.split_once('/').map_or((text, None), |(address, bits)| (address, Some(bits)));
        let address: IpAddr = address.parse().map_err(drop)?;
        let most = if address.is_ipv4() { 32 } else { 128 };
        let bits = bits.map_or(Ok(most), str::parse).map_err(drop)?;
        if bits <= most { Ok(Self { address, bits }) } else { Err(()) }
    }
}

/// Who a request comes from: its connection's other side, or, where that is a trusted proxy, whom it names. Each proxy adds at the
/// right of `X-Forwarded-For` who asked it, so that is where it is read from; the first who is no trusted proxy is the one.
pub(crate) fn client<'a>(peer: IpAddr, named: impl DoubleEndedIterator<Item = &'a str>, trusted: &[Network]) -> IpAddr {
    let mut client = peer.to_canonical();
    let mut named = named.rev().flat_map(|line| line.rsplit(','));
    while trusted.iter().any(|proxy| proxy.contains(client)) {
        // What a proxy did not write as an address tells nothing: then the proxy itself is who asks.
        let Some(address) = named.next().and_then(address) else { break };
        client = address;
    }
    client
}

/// An address as proxies write it: with or without a port.
fn address(text: &str) -> Option<IpAddr> {
    let text = text.trim();
    let bare = text.strip_prefix('[').and_then(|rest| rest.split_once(']')).map_or(text, |(address, _)| address);
    let address = bare.parse().ok().or_else(|| bare.parse::<std::net::SocketAddr>().ok().map(|it| it.ip()));
    address.map(|address: IpAddr| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client_of(peer: &str, named: &[&str], trusted: &[&str]) -> String {
        let trusted: Vec<Network> = trusted.iter().map(|text| text.parse().unwrap()).collect();
        client(peer.parse().unwrap(), named.iter().copied(), &trusted).to_string()
    }

    #[test]
    fn lim_5_only_a_trusted_proxy_may_name_another_address() {
        let proxies = ["10.0.0.0/8", "2001:db8::1"];
        for (peer, named, client) in [
            ("192.0.2.1", &["198.51.100.7"][..], "192.0.2.1"),
            ("10.0.0.1", &[][..], "10.0.0.1"),
            ("10.0.0.1", &["198.51.100.7"][..], "198.51.100.7"),
            ("::ffff:10.0.0.1", &["198.51.100.7"][..], "198.51.100.7"),
            ("2001:db8::1", &["[2001:db8::2]:443"][..], "2001:db8::2"),
            ("2001:db8::3", &["198.51.100.7"][..], "2001:db8::3"),
            // What the client wrote itself stands at the left.
            ("10.0.0.1", &["127.0.0.1, 198.51.100.7"][..], "198.51.100.7"),
            ("10.0.0.1", &["127.0.0.1", "198.51.100.7:1234"][..], "198.51.100.7"),
            ("10.0.0.1", &["127.0.0.1, 198.51.100.7, 10.2.3.4"][..], "198.51.100.7"),
            ("10.0.0.1", &["198.51.100.7, unknown"][..], "10.0.0.1"),
            ("10.0.0.1", &["10.0.0.2"][..], "10.0.0.2"),
            ("10.0.0.1", &[""][..], "10.0.0.1"),
        ] {
            assert_eq!(client_of(peer, named, &proxies), client, "{peer} {named:?}");
        }
        assert_eq!(client_of("192.0.2.1", &["198.51.100.7"], &["0.0.0.0/0"]), "198.51.100.7");
    }

    #[test]
    fn what_is_no_network_is_refused() {
        for text in ["", "10.0.0.0/33", "::/129", "10.0.0/8", "10.0.0.0/", "10.0.0.0/-1", "proxy", "10.0.0.1:80"] {
            assert!(text.parse::<Network>().is_err(), "{text}");
        }
    }
}
