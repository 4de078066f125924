//! Finds the hosts that a text names anywhere: in a URL, behind an `@`, alone, or within prose.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::CanonicalHost;

/// The longest IPv6 address with a zone-free IPv4 part, a scheme's last letters and a port.
const MAX_V6_LETTERS: usize = 64;

/// Lists the hosts that a text may name. The text is in lowercase.
pub(crate) fn named_hosts(text: &str) -> Vec<CanonicalHost> {
    // A letter outside ASCII belongs to a name, or is punctuation beside it.
    let is_ascii_letter = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '-' | '_' | '.');
    let words = text.split(|letter: char| letter.is_ascii() && !is_ascii_letter(letter) || letter.is_whitespace());
    let mut found: Vec<CanonicalHost> = words.filter_map(host_of_word).collect();
    if !text.is_ascii() {
        let words = text.split(|letter: char| !is_ascii_letter(letter) && !is_letter_of_name(letter));
        found.extend(words.filter_map(host_of_word));
    }
    let of_v6 = addresses(text).flat_map(|address| {
        embedded_v4(address)
            .map(|address| CanonicalHost::Address(address.into()))
            .into_iter()
            .chain(Some(CanonicalHost::of_v6(address)))
    });
    found.extend(of_v6.collect::<Vec<_>>());
    found
}

fn is_letter_of_name(letter: char) -> bool {
    letter.is_alphanumeric() || matches!(letter, '\u{3002}' | '\u{ff61}')
}

fn host_of_word(word: &str) -> Option<CanonicalHost> {
    let word = word.trim_start_matches('.');
    let bare = word.trim_end_matches('.');
    let is_number = bare.rsplit('.').next()?.starts_with(|letter: char| letter.is_ascii_digit());
    if word.is_ascii() && !is_number {
        return Some(CanonicalHost::Name(bare.to_owned())).filter(|_| !bare.is_empty());
    }
    CanonicalHost::parse(word)
}

/// Lists the IPv6 addresses in a text: with or without brackets, a port, or a zone.
fn addresses(text: &str) -> impl Iterator<Item = Ipv6Addr> {
    let is_letter = |letter: char| letter.is_ascii_hexdigit() || matches!(letter, ':' | '.');
    let mut begin = 0;
    text.split_inclusive(move |letter| !is_letter(letter)).flat_map(move |part| {
        let start = begin;
        begin += part.len();
        let run = part.trim_end_matches(|letter| !is_letter(letter));
        let is_candidate = run.len() <= MAX_V6_LETTERS && run.bytes().filter(|byte| *byte == b':').count() > 1;
        let run = if is_candidate { run } else { "" };
        // The end of a word such as a scheme is no part of an address.
        let is_in_word = text[..start].ends_with(|letter: char| letter.is_alphanumeric());
        let tail = run.split_once(':').filter(|_| is_in_word).map(|(_, tail)| tail);
        let without_port = run.rsplit_once(':').map(|(address, _)| address);
        let dotless = run.trim_end_matches(['.', ':']);
        [Some(run), tail, without_port, Some(dotless)].into_iter().flatten().filter_map(|text| text.parse().ok())
    })
}

/// The IPv4 address that a translator takes an IPv6 address for (RFC 3056, 4291, 7915, 8215).
fn embedded_v4(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let last = Ipv4Addr::from_bits(u32::try_from(address.to_bits() & 0xffff_ffff).unwrap_or_default());
    match address.segments() {
        [0x2002, high, low, ..] => Some(Ipv4Addr::from_bits(u32::from(high) << 16 | u32::from(low))),
        [0x64, 0xff9b, 1, ..] | [0, 0, 0, 0, 0xffff, 0, _, _] => Some(last),
        [0, 0, 0, 0, 0, 0, high, _] if high != 0 => Some(last),
        _ => None,
    }
}

/// The host of an authority that has one reading: a name in ASCII, an IPv4 address in four decimal numbers, or an IPv6 address in
/// brackets, without a user name. None for every other spelling.
pub(crate) fn plain_host(authority: &str) -> Option<CanonicalHost> {
    let (host, port) = if let Some(rest) = authority.strip_prefix('[') {
        let (address, port) = rest.split_once(']')?;
        (CanonicalHost::of_v6(address.parse().ok()?), port.strip_prefix(':').or(port.is_empty().then_some(""))?)
    } else {
        let (name, port) = authority.split_once(':').unwrap_or((authority, ""));
        (plain_name(name)?, port)
    };
    port.bytes().all(|byte| byte.is_ascii_digit()).then_some(host)
}

fn plain_name(name: &str) -> Option<CanonicalHost> {
    if let Ok(address) = name.parse::<Ipv4Addr>() {
        return Some(CanonicalHost::Address(IpAddr::V4(address)));
    }
    let bare = name.strip_suffix('.').unwrap_or(name);
    let is_label = |label: &str| {
        !label.is_empty() && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
    };
    let is_number =
        bare.rsplit('.').next().is_some_and(|label| label.starts_with(|letter: char| letter.is_ascii_digit()));
    (bare.split('.').all(is_label) && !is_number).then(|| CanonicalHost::Name(bare.to_ascii_lowercase()))
}
