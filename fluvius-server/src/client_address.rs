//! The address of the client, behind proxies that the server trusts.
//!
//! # Source
//! RFC 7239, *Forwarded HTTP Extension*, and the older header `X-Forwarded-For`.

use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;

use axum::http::{HeaderMap, header};

/// A network of proxies: an address with the length of its prefix, `10.0.0.0/8`, or one address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network {
    address: IpAddr,
    prefix: u32,
}

/// An error returned when parsing a [`Network`] fails.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a network: expected an address, or one with a prefix such as `10.0.0.0/8`")]
pub struct ParseNetworkError;

impl FromStr for Network {
    type Err = ParseNetworkError;

    fn from_str(text: &str) -> Result<Self, ParseNetworkError> {
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().map_err(|_| ParseNetworkError)?;
        let bits = if address.is_ipv4() { 32 } else { 128 };
        let prefix = match prefix {
            Some(prefix) => prefix.parse().map_err(|_| ParseNetworkError)?,
            None => bits,
        };
        if prefix > bits { Err(ParseNetworkError) } else { Ok(Self { address, prefix }) }
    }
}

impl Network {
    fn contains(&self, address: IpAddr) -> bool {
        match (self.address, address.to_canonical()) {
            (IpAddr::V4(network), IpAddr::V4(address)) => {
                let mask = u32::MAX.checked_shl(32 - self.prefix).unwrap_or(0);
                network.to_bits() & mask == address.to_bits() & mask
            }
            (IpAddr::V6(network), IpAddr::V6(address)) => {
                let mask = u128::MAX.checked_shl(128 - self.prefix).unwrap_or(0);
                network.to_bits() & mask == address.to_bits() & mask
            }
            _ => false,
        }
    }
}

/// Returns the address of the client: that of the connection, or the last one before the trusted
/// proxies. An entry that cannot be read ends the search, since its origin is unknown.
pub(crate) fn of_client(headers: &HeaderMap, peer: IpAddr, trusted: &[Network]) -> IpAddr {
    let is_trusted = |address: IpAddr| trusted.iter().any(|network| network.contains(address));
    let mut client = peer.to_canonical();
    let mut entries = forwarded(headers);
    while is_trusted(client) {
        match entries.pop() {
            Some(Some(address)) => client = address.to_canonical(),
            Some(None) | None => break,
        }
    }
    client
}

/// Returns the addresses that proxies have added, in their order; `None` for an obfuscated one.
fn forwarded(headers: &HeaderMap) -> Vec<Option<IpAddr>> {
    let list = |name: &str| -> Vec<String> {
        let values = headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
        values.flat_map(|value| value.split(',').map(|entry| entry.trim().to_owned())).collect()
    };
    let entries = list(header::FORWARDED.as_str());
    if entries.is_empty() {
        return list("x-forwarded-for").iter().map(|entry| address(entry)).collect();
    }
    let client = |entry: &String| {
        let mut pairs = entry.split(';').filter_map(|pair| pair.trim().split_once('='));
        let pair = pairs.find(|(name, _)| name.eq_ignore_ascii_case("for"));
        pair.and_then(|(_, value)| address(value.trim_matches('"')))
    };
    entries.iter().map(client).collect()
}

/// Reads an address, with or without a port: `192.0.2.1:80`, `[2001:db8::1]:80`, `2001:db8::1`.
fn address(text: &str) -> Option<IpAddr> {
    let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
    bare.parse().ok().or_else(|| text.parse::<SocketAddr>().ok().map(|socket| socket.ip()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::{HeaderName, HeaderValue};

    fn client(name: &'static str, value: &str, peer: &str) -> String {
        let trusted: Vec<Network> =
            ["10.0.0.0/8", "192.0.2.7", "2001:db8::/32"].map(|text| text.parse().unwrap()).into();
        let mut headers = HeaderMap::new();
        let value = HeaderValue::from_str(value).unwrap();
        headers.insert(HeaderName::from_static(name), value);
        of_client(&headers, peer.parse().unwrap(), &trusted).to_string()
    }

    #[test]
    fn only_trusted_proxies_are_believed() {
        let by = |value: &str, peer: &str| client("x-forwarded-for", value, peer);
        assert_eq!(by("203.0.113.9", "10.1.2.3"), "203.0.113.9");
        assert_eq!(by("203.0.113.9", "198.51.100.1"), "198.51.100.1");
        assert_eq!(by("1.1.1.1, 203.0.113.9, 192.0.2.7", "10.1.2.3"), "203.0.113.9");
        assert_eq!(by("1.1.1.1, nonsense", "10.1.2.3"), "10.1.2.3");
        assert_eq!(by("", "10.1.2.3"), "10.1.2.3");
        assert_eq!(by("203.0.113.9", "::ffff:10.1.2.3"), "203.0.113.9");
        assert_eq!(by("10.9.9.9, 10.8.8.8", "10.1.2.3"), "10.9.9.9");
    }

    #[test]
    fn forwarded_is_read_in_its_forms() {
        let by = |value: &str| client("forwarded", value, "10.1.2.3");
        assert_eq!(by("for=203.0.113.9;proto=https;by=10.1.2.3"), "203.0.113.9");
        assert_eq!(by("for=1.1.1.1, For=\"203.0.113.9:4711\""), "203.0.113.9");
        assert_eq!(by("for=\"[2001:db9::1]:80\""), "2001:db9::1");
        assert_eq!(by("for=_hidden"), "10.1.2.3");
    }

    #[test]
    fn networks_are_checked() {
        for odd in ["", "10.0.0.0/33", "::/129", "10.0.0.0/x", "example.org", "10.0.0/8"] {
            assert_eq!(odd.parse::<Network>(), Err(ParseNetworkError), "{odd}");
        }
        let all: Network = "0.0.0.0/0".parse().unwrap();
        assert!(all.contains(IpAddr::from([255, 1, 1, 1])));
        assert!(!all.contains("::1".parse().unwrap()));
    }
}
