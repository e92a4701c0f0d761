//! Addresses that a request can reach.
//!
//! A server controls the targets of its redirects and the mirrors in its lists. They must not be
//! more internal than the hosts that the configuration names; otherwise, a server on the Internet
//! could send requests to services of this machine and its networks.

use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use tokio::sync::OnceCell;
use url::{Host, Url};

/// The part of the network that contains an address. A greater scope is more internal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Scope {
    /// The Internet.
    Global,
    /// A network of an organization or a provider: RFC 1918, RFC 4193 (unique local), RFC 6598
    /// (shared by carrier-grade NAT), and deprecated site-local addresses.
    Private,
    /// A link (RFC 3927), such as the metadata service of a cloud; also multicast and reserved
    /// addresses, which are not those of one server.
    LinkLocal,
    /// This machine: loopback and unspecified addresses.
    Loopback,
}

impl Scope {
    pub(super) const ALL: [Self; 4] =
        [Self::Global, Self::Private, Self::LinkLocal, Self::Loopback];

    /// Returns the scope of an address.
    pub(super) fn of(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(address) => Self::of_v4(address),
            IpAddr::V6(address) => match embedded(address) {
                Some(address) => Self::of_v4(address),
                None => Self::of_v6(address),
            },
        }
    }

    /// Uses the IANA IPv4 Special-Purpose Address Registry.
    fn of_v4(address: Ipv4Addr) -> Self {
        match address.octets() {
            [0 | 127, ..] => Self::Loopback,
            [169, 254, ..] | [224..=255, ..] => Self::LinkLocal,
            [10, ..]
            | [172, 16..=31, ..]
            | [192, 168, ..]
            | [192, 0, 0, _]
            | [100, 64..=127, ..]
            | [198, 18..=19, ..] => Self::Private,
            _ => Self::Global,
        }
    }

    /// Uses the IANA IPv6 Special-Purpose Address Registry.
    fn of_v6(address: Ipv6Addr) -> Self {
        if address.is_loopback() || address.is_unspecified() {
            return Self::Loopback;
        }
        match address.segments() {
            [0xfe80..=0xfebf | 0xff00..=0xffff, ..] => Self::LinkLocal,
            [0xfc00..=0xfdff | 0xfec0..=0xfeff, ..] | [0x64, 0xff9b, 1, ..] => Self::Private,
            _ => Self::Global,
        }
    }
}

/// Returns the IPv4 address that the network or a gateway uses instead of an IPv6 address: mapped
/// and compatible addresses (RFC 4291), IPv4-translated addresses (RFC 7915), NAT64 (RFC 6052), 6to4
/// (RFC 3056), and clients of Teredo, whose address is inverted (RFC 4380).
fn embedded(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let join = |high: u16, low: u16| Ipv4Addr::from(u32::from(high) << 16 | u32::from(low));
    match address.segments() {
        [0, 0, 0, 0, 0, 0, 0, 0 | 1] => None,
        [0, 0, 0, 0, 0, 0 | 0xffff, high, low] | [0x64, 0xff9b, 0, 0, 0, 0, high, low] => {
            Some(join(high, low))
        }
        [0, 0, 0, 0, 0xffff, 0, high, low] | [0x2002, high, low, ..] => Some(join(high, low)),
        [0x2001, 0, _, _, _, _, high, low] => Some(join(!high, !low)),
        _ => None,
    }
}

/// A host all of whose addresses are more internal than permitted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct InternalAddress {
    /// One of the addresses.
    address: IpAddr,
}

impl fmt::Display for InternalAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "the address {} is not global, and no configured host has such an address",
            self.address
        )
    }
}

impl std::error::Error for InternalAddress {}

impl InternalAddress {
    /// The hint of the error.
    pub(super) const HINT: &str =
        "If the server is trusted, specify it in the source: base = [\"URL\"]";

    /// Returns the cause of a failed request, if it is this error.
    pub(super) fn cause_of<'a>(
        error: &'a (dyn std::error::Error + 'static),
    ) -> Option<&'a InternalAddress> {
        let mut causes = std::iter::successors(Some(error), |error| error.source());
        causes.find_map(|cause| cause.downcast_ref())
    }
}

/// Checks the address of a URL whose host is a literal address, which is not resolved.
pub(super) fn check_literal(url: &Url, permitted: Scope) -> Result<(), InternalAddress> {
    let address = match url.host() {
        Some(Host::Ipv4(address)) => address.into(),
        Some(Host::Ipv6(address)) => address.into(),
        Some(Host::Domain(_)) | None => return Ok(()),
    };
    if Scope::of(address) <= permitted {
        Ok(())
    } else {
        Err(InternalAddress { address })
    }
}

/// Resolves names to the addresses in a scope. The connection uses these addresses, so a name
/// cannot have another address after the check.
#[derive(Debug, Clone)]
pub(super) struct ScopedResolver {
    pub(super) permitted: Scope,
}

impl Resolve for ScopedResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let name = name.as_str().to_owned();
        let permitted = self.permitted;
        Box::pin(async move {
            let found = lookup(&name).await?;
            let all: Vec<SocketAddr> = found
                .iter()
                .copied()
                .filter(|address| Scope::of(address.ip()) <= permitted)
                .collect();
            match found.first() {
                Some(first) if all.is_empty() => Err(InternalAddress {
                    address: first.ip(),
                }
                .into()),
                _ => Ok(Box::new(all.into_iter()) as Addrs),
            }
        })
    }
}

/// Resolves a name with the resolver of the system. reqwest replaces the port.
async fn lookup(name: &str) -> io::Result<Vec<SocketAddr>> {
    Ok(tokio::net::lookup_host((name, 0)).await?.collect())
}

/// The hosts that the configuration names. Requests to them can reach any address.
#[derive(Debug, Default)]
pub(super) struct ConfiguredHosts {
    urls: Vec<Url>,
    scope: OnceCell<Scope>,
}

impl ConfiguredHosts {
    /// Returns the hosts of URLs. A `file` URL names this machine.
    pub(super) fn new(urls: Vec<Url>) -> Self {
        Self {
            urls,
            scope: OnceCell::new(),
        }
    }

    /// Returns hosts whose scope is not that of their addresses, because servers of tests have
    /// internal addresses.
    #[cfg(test)]
    pub(super) fn with_scope(urls: Vec<Url>, scope: Scope) -> Self {
        let scope = OnceCell::new_with(Some(scope));
        Self { urls, scope }
    }

    /// Returns the scope that a request can reach: all addresses if the configuration names the
    /// host, otherwise the most internal scope of the configured hosts. A host that cannot be
    /// resolved counts as global.
    pub(super) async fn permitted(&self, url: &Url) -> Scope {
        if self.urls.iter().any(|named| named.host() == url.host()) {
            return Scope::Loopback;
        }
        *self.scope.get_or_init(|| self.most_internal()).await
    }

    async fn most_internal(&self) -> Scope {
        let mut scope = Scope::Global;
        for url in &self.urls {
            scope = scope.max(match url.host() {
                Some(Host::Ipv4(address)) => Scope::of(address.into()),
                Some(Host::Ipv6(address)) => Scope::of(address.into()),
                Some(Host::Domain(name)) => {
                    let found = lookup(name).await.unwrap_or_default();
                    let scopes = found.iter().map(|address| Scope::of(address.ip()));
                    scopes.max().unwrap_or(Scope::Global)
                }
                None => Scope::Loopback,
            });
        }
        scope
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Url {
        Url::parse(text).expect("a URL")
    }

    #[test]
    fn addresses_have_the_scope_of_their_network() {
        use Scope::{Global, LinkLocal, Loopback, Private};
        for (address, scope) in [
            ("8.8.8.8", Global),
            ("100.63.255.255", Global),
            ("100.64.0.1", Private),
            ("172.15.0.1", Global),
            ("172.31.255.255", Private),
            ("10.0.0.1", Private),
            ("192.168.1.1", Private),
            ("169.254.169.254", LinkLocal),
            ("224.0.0.1", LinkLocal),
            ("255.255.255.255", LinkLocal),
            ("127.1.2.3", Loopback),
            ("0.0.0.0", Loopback),
            ("2001:4860:4860::8888", Global),
            ("fd00::1", Private),
            ("fec0::1", Private),
            ("fe80::1", LinkLocal),
            ("ff02::1", LinkLocal),
            ("::1", Loopback),
            ("::", Loopback),
            ("::ffff:127.0.0.1", Loopback),
            ("::ffff:8.8.8.8", Global),
            ("::10.0.0.1", Private),
            ("64:ff9b::a9fe:a9fe", LinkLocal),
            ("64:ff9b:1::1", Private),
            ("2002:7f00:1::", Loopback),
            ("::ffff:0:10.0.0.1", Private),
            ("2001:0:cb00:7101:0:0:f5ff:fffe", Private),
            ("2001:0:cb00:7101:0:0:f7f7:f7f7", Global),
        ] {
            assert_eq!(
                Scope::of(address.parse().expect("an address")),
                scope,
                "{address}"
            );
        }
    }

    #[test]
    fn literal_addresses_are_checked_in_every_notation() {
        for text in [
            "http://127.0.0.1/",
            "http://2130706433/",
            "http://0x7f.1/",
            "http://[::ffff:7f00:1]/",
        ] {
            assert!(check_literal(&url(text), Scope::Private).is_err(), "{text}");
            assert!(check_literal(&url(text), Scope::Loopback).is_ok(), "{text}");
        }
        assert!(check_literal(&url("http://8.8.8.8/"), Scope::Global).is_ok());
    }

    #[tokio::test]
    async fn other_hosts_are_not_more_internal_than_configured_ones() {
        let named =
            |texts: &[&str]| ConfiguredHosts::new(texts.iter().map(|text| url(text)).collect());
        let other = url("http://198.51.100.1/");
        // The resolver rejects a label of more than 63 bytes without a query.
        let unknown = format!("http://{}.invalid/", "x".repeat(64));
        for (configured, scope) in [
            (&["http://203.0.113.1/"][..], Scope::Global),
            (&["http://10.0.0.1/", "http://203.0.113.1/"], Scope::Private),
            (&["http://localhost/"], Scope::Loopback),
            (&["file:///srv/mirror"], Scope::Loopback),
            (&[&unknown], Scope::Global),
        ] {
            assert_eq!(
                named(configured).permitted(&other).await,
                scope,
                "{configured:?}"
            );
        }
        let global = named(&["https://203.0.113.1/a"]);
        let same = url("http://203.0.113.1:8080/b");
        assert_eq!(global.permitted(&same).await, Scope::Loopback);
    }

    #[tokio::test]
    async fn names_with_internal_addresses_are_not_resolved() {
        let resolve = async |permitted| {
            let resolver = ScopedResolver { permitted };
            let found = resolver.resolve("localhost".parse().expect("a name")).await;
            found
                .map(Iterator::count)
                .map_err(|error| error.to_string())
        };
        let refused = resolve(Scope::LinkLocal).await.expect_err("internal");
        assert!(refused.contains("is not global"), "{refused}");
        assert!(resolve(Scope::Loopback).await.expect("resolved") > 0);
    }
}
