//! One spelling for each host, so that another spelling cannot evade a comparison.

use std::{
    fmt,
    net::{IpAddr, Ipv6Addr},
};

use url::{Host, Url};

/// The prefix under which translators reach IPv4 addresses (NAT64, RFC 6052, 2.1), of 96 bits.
const NAT64: Ipv6Addr = Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, 0, 0);

/// A host in the one spelling that comparisons use.
///
/// A name is lowercase ASCII (IDNA) without a trailing dot. An IPv4 address is the same host in decimal, octal, hexadecimal and
/// shortened notation, mapped into IPv6 (`::ffff:0:0/96`), and behind a NAT64 translator (`64:ff9b::/96`).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum CanonicalHost {
    /// A name, to be resolved.
    Name(String),
    /// An address.
    Address(IpAddr),
}

impl CanonicalHost {
    /// The host of a URL; none when the URL has none.
    pub fn of(url: &Url) -> Option<Self> {
        match url.host()? {
            // Only special schemes such as http have their hosts normalised by the parser.
            Host::Domain(name) => Self::parse(name),
            Host::Ipv4(address) => Some(Self::Address(address.into())),
            Host::Ipv6(address) => Some(Self::of_v6(address)),
        }
    }

    /// A host as a person writes it: a name, an IPv4 address in any notation, or an IPv6 address with or without brackets.
    /// None when the text is no host: it has a port, a user, a path or an IPv6 zone.
    pub fn parse(text: &str) -> Option<Self> {
        if let Ok(address) = text.parse() {
            return Some(Self::of_v6(address));
        }
        match Host::parse(text).ok()? {
            Host::Ipv4(address) => Some(Self::Address(address.into())),
            Host::Ipv6(address) => Some(Self::of_v6(address)),
            Host::Domain(name) => match name.trim_end_matches('.') {
                "" => None,
                bare if bare.len() == name.len() => Some(Self::Name(name)),
                // Without its dots it may be an address.
                bare => Self::parse(bare),
            },
        }
    }

    /// Whether the host is this machine by its spelling alone: a loopback address, `localhost`, or a name below it (RFC 6761, 6.3).
    pub fn is_loopback(&self) -> bool {
        match self {
            Self::Name(name) => name == "localhost" || name.ends_with(".localhost"),
            Self::Address(address) => address.is_loopback(),
        }
    }

    pub(crate) fn of_v6(address: Ipv6Addr) -> Self {
        let translated = (address.to_bits() ^ NAT64.to_bits()) >> 32 == 0;
        let last = address.octets();
        Self::Address(match address.to_ipv4_mapped() {
            Some(address) => address.into(),
            None if translated => IpAddr::from([last[12], last[13], last[14], last[15]]),
            None => address.into(),
        })
    }
}

impl fmt::Display for CanonicalHost {
    /// Writes the host as it stands in a URL: IPv6 addresses in brackets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => f.write_str(name),
            Self::Address(IpAddr::V4(address)) => address.fmt(f),
            Self::Address(IpAddr::V6(address)) => write!(f, "[{address}]"),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use proptest::prelude::*;

    use super::*;
    use crate::Outside;

    /// Spellings of an IPv4 address that browsers and URL parsers take for it.
    fn spellings(address: Ipv4Addr) -> Vec<String> {
        let [a, b, c, d] = address.octets();
        let number = address.to_bits();
        let (low16, low24) = (number & 0xffff, number & 0xff_ffff);
        let quads = [
            format!("{a}.{b}.{c}.{d}"),
            format!("{number}"),
            format!("{number:#x}"),
            format!("{number:#X}").replace("0X", "0x"),
            format!("0{number:o}"),
            format!("{a}.{low24}"),
            format!("{a}.{b}.{low16}"),
            format!("{a:#x}.{b:#x}.{c:#x}.{d:#x}"),
            format!("0{a:o}.0{b:o}.0{c:o}.0{d:o}"),
            format!("{a:#x}.0{b:o}.{low16:#x}"),
            format!("{a}.{b}.{c}.{d}").chars().map(full_width).collect(),
            format!("{a}.{b}.{c}.{d}").replace('.', "\u{3002}"),
            format!("{a}.{b}.{c}.{d}").bytes().map(|byte| format!("%{byte:02x}")).collect::<Vec<_>>().concat(),
        ];
        let dotted = quads.iter().flat_map(|quad| [quad.clone(), format!("{quad}.")]);
        let (high, low) = (number >> 16, number & 0xffff);
        let six = ["::ffff:", "0:0:0:0:0:FFFF:", "64:ff9b::", "0064:FF9B:0::0:"].into_iter().flat_map(|prefix| {
            [
                format!("[{prefix}{high:x}:{low:x}]"),
                format!("[{prefix}{high:04X}:{low:04X}]"),
                format!("[{prefix}{address}]"),
            ]
        });
        dotted.chain(six).collect()
    }

    fn full_width(letter: char) -> char {
        let digit = letter.to_digit(10).map(|digit| char::from_u32(0xff10 + digit).unwrap());
        digit.unwrap_or(letter)
    }

    proptest! {
        #[test]
        fn tool_12_every_spelling_of_an_address_is_one_host(bits in any::<u32>()) {
            let address = Ipv4Addr::from_bits(bits);
            for spelling in spellings(address) {
                let one = Some(CanonicalHost::Address(address.into()));
                prop_assert_eq!(&CanonicalHost::parse(&spelling), &one, "{}", spelling);
                let url = Url::parse(&format!("http://user@{spelling}:8080/path?a#b")).unwrap();
                prop_assert_eq!(&CanonicalHost::of(&url), &one, "{}", url);
            }
        }

        #[test]
        fn tool_12_no_spelling_of_an_inside_address_passes_the_guard(
            inside in prop::sample::select(vec![[127, 0, 0, 0], [10, 0, 0, 0], [169, 254, 0, 0], [192, 168, 0, 0], [0, 0, 0, 0]]),
            low in any::<[u8; 2]>(),
        ) {
            let address = Ipv4Addr::new(inside[0], inside[1], low[0], low[1]);
            for spelling in spellings(address) {
                let url = Url::parse(&format!("http://{spelling}/")).unwrap();
                prop_assert!(Outside::default().check(&url).is_err(), "{}", url);
            }
        }
    }

    #[test]
    fn tool_12_every_spelling_of_a_name_is_one_host() {
        let parse = |text: &str| CanonicalHost::parse(text);
        let name = |text: &str| Some(CanonicalHost::Name(text.to_owned()));
        for spelling in [
            "metadata.internal",
            "metadata.internal.",
            "METADATA.Internal..",
            "%6detadata.internal",
            "ｍetadata。internal",
        ] {
            assert_eq!(parse(spelling), name("metadata.internal"), "{spelling}");
        }
        assert_eq!(parse("bücher.example"), name("xn--bcher-kva.example"));
        assert_eq!(parse("BÜCHER.example."), name("xn--bcher-kva.example"));
        assert_eq!(parse("127.0.0.1.."), Some(CanonicalHost::Address([127, 0, 0, 1].into())));
        assert_eq!(parse("::1"), parse("[0:0::0:1]"));
        assert_eq!(parse("::1").unwrap().to_string(), "[::1]");
        for no_host in
            ["", ".", "..", "a b", "user@host", "host:80", "host/path", "fe80::1%eth0", "[fe80::1%25eth0]", "[::1"]
        {
            assert_eq!(parse(no_host), None, "{no_host}");
        }
        let opaque = Url::parse("custom://EXAMPLE.com./").unwrap();
        assert_eq!(CanonicalHost::of(&opaque), name("example.com"));
    }

    #[test]
    fn this_machine_is_known_by_its_spelling() {
        for host in ["localhost", "LOCALHOST.", "app.localhost", "127.0.0.2", "::1", "::ffff:127.0.0.1", "2130706433"] {
            assert!(CanonicalHost::parse(host).unwrap().is_loopback(), "{host}");
        }
        for host in ["localhost.example", "mylocalhost", "128.0.0.1", "::2"] {
            assert!(!CanonicalHost::parse(host).unwrap().is_loopback(), "{host}");
        }
    }
}
