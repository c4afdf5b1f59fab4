//! What differs between the configuration that runs and another, and which of it needs a restart.

use crate::{
    config::{Config, SipTrunkConfig, TrunkConfig},
    domain::TrunkId,
    trunk::Limits,
};

/// One difference.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Where, such as `route` or `trunk.north.window`.
    pub path: String,
    /// It takes effect only when the daemon starts again.
    pub needs_restart: bool,
    /// It is about calls.
    pub of_calls: bool,
}

impl Change {
    /// For a person.
    #[must_use]
    pub fn words(&self) -> String {
        let when = match (self.needs_restart, self.of_calls) {
            (true, _) => "when the daemon starts again",
            (false, false) => "at once, links stay",
            (false, true) => "at once, calls go on",
        };
        format!("{}: {when}", self.path)
    }
}

/// The differences from `running` to `new`, in the order of the file's tables. `opened`: what each trunk that runs was
/// opened with. `calls_run`: it was started with trunks for calls.
#[must_use]
pub fn changes(running: &Config, new: &Config, opened: &[(TrunkId, Limits)], calls_run: bool) -> Vec<Change> {
    let mut found = Vec::new();
    let mut note = |path: String, differs: bool, needs_restart: bool| {
        if differs {
            found.push(Change { path, needs_restart, of_calls: false });
        }
    };
    let runs = |id: &TrunkId| opened.iter().any(|(trunk, _)| trunk == id);
    note("listen".into(), running.listen != new.listen, true);
    note("store".into(), running.store != new.store, true);
    note("messages".into(), running.messages != new.messages, true);
    note("calls".into(), running.calls != new.calls, true);
    note("drain".into(), running.drain != new.drain, false);
    note("shares".into(), running.shares != new.shares, false);
    for trunk in &new.trunks {
        match running.trunks.iter().find(|one| one.id == trunk.id) {
            None => note(format!("trunk.{}", trunk.id), true, true),
            Some(before) => {
                let limits = opened.iter().find(|(id, _)| *id == trunk.id).map(|(_, limits)| *limits);
                for (key, differs, needs_restart) in of_trunk(before, trunk, limits.unwrap_or_default()) {
                    note(format!("trunk.{}.{key}", trunk.id), differs, needs_restart);
                }
            }
        }
    }
    note("sip".into(), running.sip != new.sip, true);
    for gone in running.trunks.iter().filter(|one| !new.trunks.iter().any(|trunk| trunk.id == one.id)) {
        note(format!("trunk.{}", gone.id), true, true);
    }
    note("numbers".into(), running.numbers != new.numbers, false);
    // A route to a trunk that does not run would lead nowhere.
    let leads_away = new.routes.iter().flat_map(|route| &route.trunks).any(|id| !runs(id));
    note("route".into(), running.routes != new.routes, leads_away);
    note("window".into(), running.windows != new.windows, false);
    found.extend(of_calls(running, new, calls_run));
    found
}

/// What differs of the trunks for calls and their routes: all of it can change while calls go on, once there are such
/// trunks at all.
fn of_calls(running: &Config, new: &Config, calls_run: bool) -> Vec<Change> {
    let mut found = Vec::new();
    let mut note = |path: String| found.push(Change { path, needs_restart: !calls_run, of_calls: true });
    for trunk in &new.sip_trunks {
        match running.sip_trunks.iter().find(|one| one.id == trunk.id) {
            None => note(format!("trunk.{}", trunk.id)),
            Some(before) => {
                let keys = of_sip_trunk(before, trunk).into_iter().filter(|(_, differs)| *differs);
                keys.for_each(|(key, _)| note(format!("trunk.{}.{key}", trunk.id)));
            }
        }
    }
    let is_gone = |one: &&SipTrunkConfig| !new.sip_trunks.iter().any(|trunk| trunk.id == one.id);
    running.sip_trunks.iter().filter(is_gone).for_each(|gone| note(format!("trunk.{}", gone.id)));
    if running.call_routes != new.call_routes {
        note("route of calls".to_owned());
    }
    found
}

/// Each key that may differ, and whether it does.
fn of_sip_trunk(before: &SipTrunkConfig, new: &SipTrunkConfig) -> [(&'static str, bool); 21] {
    [
        ("operator", before.operator != new.operator),
        ("domain", before.domain != new.domain),
        ("gateway", before.gateways != new.gateways),
        ("sources", before.sources != new.sources),
        ("account", before.account != new.account),
        ("probe", before.probe != new.probe),
        ("calls_per_second", before.calls_per_second != new.calls_per_second),
        ("max_calls", before.max_calls != new.max_calls),
        ("callers", before.callers != new.callers),
        ("number", before.numbers != new.numbers),
        ("identity", before.identity != new.identity),
        ("codecs", before.codecs != new.codecs),
        ("early_media", before.early_media != new.early_media),
        ("reliable_provisional", before.reliable_provisional != new.reliable_provisional),
        ("session_timer", before.session_timer != new.session_timer),
        ("timers", before.timers != new.timers),
        ("failover_statuses", before.failover_statuses != new.failover_statuses),
        ("failover", before.failover != new.failover),
        ("circuit", before.circuit != new.circuit),
        ("headers", before.headers != new.headers),
        // It is in the routes that ask for it.
        ("cost", before.cost != new.cost),
    ]
}

/// Each key that may differ: whether it does, and whether that needs a restart.
fn of_trunk(before: &TrunkConfig, new: &TrunkConfig, opened: Limits) -> [(&'static str, bool, bool); 10] {
    // All else is what its links and its planner were made from.
    let mut rest = new.clone();
    rest.links = before.links;
    rest.window = before.window;
    rest.submits_per_second = before.submits_per_second;
    (rest.max_queue, rest.max_tenant_queue) = (before.max_queue, before.max_tenant_queue);
    rest.max_attempts = before.max_attempts;
    rest.failover_after = before.failover_after;
    rest.statuses.clone_from(&before.statuses);
    // Costs are in the routes that ask for them.
    rest.cost = before.cost;
    let connections =
        (&rest.protocol, &rest.hosts, &rest.timers) != (&before.protocol, &before.hosts, &before.timers);
    rest.protocol = before.protocol.clone();
    rest.hosts.clone_from(&before.hosts);
    rest.timers = before.timers.clone();
    [
        ("links", before.links != new.links, new.links > opened.links),
        ("window", before.window != new.window, new.window > opened.window),
        ("submits_per_second", before.submits_per_second != new.submits_per_second, false),
        ("max_queue", before.max_queue != new.max_queue, false),
        ("max_tenant_queue", before.max_tenant_queue != new.max_tenant_queue, false),
        ("max_attempts", before.max_attempts != new.max_attempts, false),
        ("failover_after", before.failover_after != new.failover_after, false),
        ("status", before.statuses != new.statuses, false),
        ("protocol, hosts, account or timers", connections, true),
        ("other keys", rest != *before, true),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config;

    const FILE: &str = r#"
allow_literal_secrets = true
store = { path = "unused" }
[[trunk]]
id = "north"
protocol = "smpp34"
hosts = ["127.0.0.1:1"]
links = 2
window = 10
[trunk.account]
system_id = "a"
password = "literal:b"
[[route]]
trunks = ["north"]
"#;

    fn between(old: &str, new: &str) -> Vec<(String, bool)> {
        let read = |text: &str| config::parse(text, "test", &|_| None).expect("a configuration");
        let running = read(FILE);
        let opened = [("north".into(), Limits::of(&running.trunks[0]))];
        let found = changes(&running, &read(&FILE.replace(old, new)), &opened, false);
        found.into_iter().map(|change| (change.path, change.needs_restart)).collect()
    }

    #[test]
    fn each_change_says_whether_it_needs_a_restart() {
        assert_eq!(between("", ""), []);
        let table = [
            ("store = {", "drain = { limit = \"9s\" }\nstore = {", "drain", false),
            ("store = {", "shares = { marketing = 9 }\nstore = {", "shares", false),
            ("\"unused\"", "\"other\"", "store", true),
            ("links = 2", "links = 1", "trunk.north.links", false),
            ("links = 2", "links = 3", "trunk.north.links", true),
            ("window = 10", "window = 11", "trunk.north.window", true),
            ("window = 10", "window = 10\nsubmits_per_second = 5", "trunk.north.submits_per_second", false),
            ("literal:b", "literal:c", "trunk.north.protocol, hosts, account or timers", true),
            ("window = 10", "window = 10\noperator = \"cmcc\"", "trunk.north.other keys", true),
            ("[[route]]", "[[route]]\nprefixes = [\"86\"]", "route", false),
        ];
        for (old, new, path, needs_restart) in table {
            assert_eq!(between(old, new), [(path.to_owned(), needs_restart)], "{new}");
        }
        // Its routes wait for the trunk that they lead to.
        let renamed = between("\"north\"", "\"south\"");
        let paths: Vec<_> = renamed.iter().map(|(path, restart)| (path.as_str(), *restart)).collect();
        assert_eq!(paths, [("trunk.south", true), ("trunk.north", true), ("route", true)]);
    }
}
