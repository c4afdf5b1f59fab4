//! What is asked of DNS, what it answers, and in which order services are tried.

use std::{net::IpAddr, sync::Arc};

use crate::sip::{Transport, random::Random};

/// A question for the resolver.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Query {
    /// Which services a domain has, and by which names.
    Naptr(Arc<str>),
    /// Which hosts have a service.
    Srv(Arc<str>),
    /// The IPv4 addresses of a host.
    A(Arc<str>),
    /// The IPv6 addresses of a host.
    Aaaa(Arc<str>),
}

/// What the resolver says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// Records of NAPTR.
    Naptr(Vec<Naptr>),
    /// Records of SRV.
    Srv(Vec<Srv>),
    /// Records of A or AAAA.
    Addresses(Vec<IpAddr>),
    /// There are none.
    None,
    /// It could not be asked, or failed.
    Failed,
}

/// A NAPTR record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Naptr {
    /// The lowest comes first.
    pub order: u16,
    /// Inside one order the lowest comes first.
    pub preference: u16,
    /// `s`: the replacement is the name of a service. Others say nothing to SIP.
    pub flags: String,
    /// `SIP+D2U`, `SIP+D2T`, `SIPS+D2T` and others.
    pub service: String,
    /// The name to go on with.
    pub replacement: Arc<str>,
}

/// An SRV record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Srv {
    /// The lowest comes first.
    pub priority: u16,
    /// Inside one priority the chance to come first.
    pub weight: u16,
    /// The port.
    pub port: u16,
    /// The host; `.` or empty: the service does not exist.
    pub target: Arc<str>,
}

impl Naptr {
    /// The transport of its service, if it is one of ours and leads to SRV records.
    pub(super) fn transport(&self) -> Option<Transport> {
        if !self.flags.eq_ignore_ascii_case("s") {
            return None;
        }
        let services =
            [("SIPS+D2T", Transport::Tls), ("SIP+D2T", Transport::Tcp), ("SIP+D2U", Transport::Udp)];
        let found = services.into_iter().find(|(name, _)| self.service.eq_ignore_ascii_case(name));
        found.map(|(_, transport)| transport)
    }
}

impl Srv {
    /// Says whether it says that there is no such service.
    pub(super) fn is_refusal(&self) -> bool {
        self.target.trim_end_matches('.').is_empty()
    }
}

/// The name of a service on a domain.
pub(super) fn service_name(transport: Transport, domain: &str) -> Arc<str> {
    let service = match transport {
        Transport::Udp => "_sip._udp",
        Transport::Tcp => "_sip._tcp",
        Transport::Tls => "_sips._tcp",
    };
    format!("{service}.{domain}").into()
}

/// Orders services as RFC 2782 has it: by priority, and inside one priority by chance, by weight.
pub(super) fn in_order(mut left: Vec<Srv>, random: &mut Random) -> Vec<Srv> {
    // Those of weight 0 stand first, so that they have their small chance: the draw of 0.
    left.sort_by_key(|srv| (srv.priority, srv.weight > 0));
    let mut ordered = Vec::with_capacity(left.len());
    while let Some(first) = left.first() {
        let priority = first.priority;
        let same = left.iter().take_while(|srv| srv.priority == priority);
        let sum: u64 = same.clone().map(|srv| u64::from(srv.weight)).sum();
        let drawn = random.up_to(sum);
        let mut running = 0;
        let index = same
            .map(|srv| {
                running += u64::from(srv.weight);
                running
            })
            .position(|running| running >= drawn)
            .unwrap_or(0);
        ordered.push(left.remove(index));
    }
    ordered
}

#[cfg(test)]
mod tests {
    use super::*;

    fn srv(priority: u16, weight: u16, target: &str) -> Srv {
        Srv { priority, weight, port: 5060, target: target.into() }
    }

    #[test]
    fn weights_are_respected_and_priorities_always() {
        let records =
            vec![srv(20, 100, "late"), srv(10, 60, "a"), srv(10, 30, "b"), srv(10, 10, "c"), srv(10, 0, "d")];
        let mut first = std::collections::HashMap::<Arc<str>, u32>::new();
        let runs = 20_000;
        for seed in 0..runs {
            let ordered = in_order(records.clone(), &mut Random::new(seed));
            assert_eq!(ordered.len(), records.len());
            assert_eq!(&*ordered[4].target, "late");
            *first.entry(ordered[0].target.clone()).or_default() += 1;
        }
        let share = |name: &str| f64::from(first.get(name).copied().unwrap_or_default()) / runs as f64;
        for (name, wanted) in [("a", 0.6), ("b", 0.3), ("c", 0.1)] {
            assert!((share(name) - wanted).abs() < 0.02, "{name}: {}", share(name));
        }
        // Weight 0 has a small chance, and none of the others starves.
        assert!(share("d") > 0.0 && share("d") < 0.02, "{}", share("d"));
    }

    #[test]
    fn what_has_no_weight_at_all_still_comes() {
        let ordered = in_order(vec![srv(1, 0, "a"), srv(1, 0, "b"), srv(0, 0, "c")], &mut Random::new(1));
        let targets: Vec<_> = ordered.iter().map(|srv| &*srv.target).collect();
        assert_eq!(targets, ["c", "a", "b"]);
    }

    proptest::proptest! {
        #[test]
        fn every_record_comes_once_and_priorities_never_go_down(
            records in proptest::collection::vec((0_u16..4, proptest::prelude::any::<u16>()), 0..12),
            seed in proptest::prelude::any::<u64>(),
        ) {
            let records: Vec<_> = records
                .into_iter()
                .enumerate()
                .map(|(index, (priority, weight))| srv(priority, weight, &index.to_string()))
                .collect();
            let ordered = in_order(records.clone(), &mut Random::new(seed));
            proptest::prop_assert!(ordered.is_sorted_by_key(|srv| srv.priority));
            let (mut a, mut b) = (records, ordered);
            a.sort_by(|x, y| x.target.cmp(&y.target));
            b.sort_by(|x, y| x.target.cmp(&y.target));
            proptest::prop_assert_eq!(a, b);
        }
    }
}
