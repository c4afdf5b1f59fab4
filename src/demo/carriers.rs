//! The three simulated carriers, and the daemon's configuration with a trunk to each.

use std::{net::SocketAddr, path::Path};

use anyhow::Context;
use jiff::Timestamp;
use simulator::Scenario;

use crate::config::{self, Config};

/// The SMPP carrier and the trunk to it.
pub const SMPP: &str = "smpp";
/// The CMPP carrier and the trunk to it.
pub const CMPP: &str = "cmpp";
/// The SIP carrier and the trunk to it.
pub const SIP: &str = "sip";
/// The number that the SIP carrier has assigned: who calls, and who is called by phones.
pub const CALLER: &str = "+861088880000";

/// Links per trunk.
const LINKS: u64 = 2;
/// Segments per message, about.
const SEGMENTS: u64 = 2;

/// What the SIP carrier does with a call, by the last digits of the number: most phones answer, and either side hangs up.
const SCRIPTS: &str = r#"
script = [
    { name = "answer", steps = [
        { after = { from = "100ms", to = "900ms" }, respond = 180 },
        { after = { from = "1s", to = "6s" }, respond = 200 },
        { after = { from = "3s", to = "20s" }, hangup = true, headers = ["Reason: Q.850;cause=16;text=\"Normal call clearing\""] } ] },
    { name = "talk", steps = [
        { after = { from = "100ms", to = "900ms" }, respond = 180 },
        { after = { from = "1s", to = "6s" }, respond = 200 } ] },
    { name = "busy", steps = [
        { after = { from = "300ms", to = "1200ms" }, respond = 486, headers = ["Reason: Q.850;cause=17;text=\"User busy\""] } ] },
    # The phone is off: an announcement in early media, and then the refusal.
    { name = "off", steps = [
        { after = "600ms", respond = 183, headers = ["P-Early-Media: sendrecv"] },
        { after = "5s", respond = 480, headers = ["Reason: Q.850;cause=20;text=\"Subscriber absent\""] } ] },
    { name = "nobody", steps = [{ after = "500ms", respond = 180 }, { after = "2m", respond = 480 }] },
    { name = "unallocated", steps = [{ after = "300ms", respond = 404, headers = ["Reason: Q.850;cause=1;text=\"Unallocated number\""] }] },
    { name = "silence", steps = [{ silence = true }] },
]
answer = [
    { suffix = "1", script = "busy" },
    { suffix = "2", script = "off" },
    { suffix = "03", script = "unallocated" },
    { suffix = "04", script = "silence" },
    { suffix = "05", script = "nobody" },
    { suffix = "15", script = "nobody" },
    { ratio = 0.5, script = "answer" },
    { script = "talk" },
]
"#;

/// The carriers, which are alive enough to be worth watching: some submits are refused or throttled, some messages
/// don't arrive, now and then a report never comes, and phones are busy or off. `rates`: messages and calls per second.
///
/// # Errors
/// Only if the text below is no scenario.
pub fn scenario(seed: u64, rates: Rates, now: Timestamp) -> anyhow::Result<Scenario> {
    let Rates { messages: rate_per_second, calls } = rates;
    // Phones call less than they are called.
    let inbound = f64::from(calls) / 4.0;
    // A carrier of a former run had another code, so its message ids never come again. SMPP's are from the clock.
    let gateway = 100_000 + now.as_second().rem_euclid(900_000);
    // Not the same from both, or they would come in step.
    let (smpp_mobile, cmpp_mobile) = (f64::from(rate_per_second) / 61.0, f64::from(rate_per_second) / 43.0);
    let text = format!(
        r#"
seed = {seed}

[[carrier]]
name = "{SMPP}"
protocol = "smpp34"
max_links = 4
[[carrier.account]]
system_id = "demo"
password = "demo"
[carrier.answer]
delay = {{ from = "40ms", to = "240ms" }}
[carrier.receipts]
ratio = 0.997
delay = {{ mean = "1500ms" }}
on_any_link = true
states = [
    {{ stat = "DELIVRD", weight = 965 }},
    {{ stat = "UNDELIV", weight = 18, err = 27 }},
    {{ stat = "EXPIRED", weight = 9, err = 34 }},
    {{ stat = "REJECTD", weight = 8, err = 11 }},
]
# ESME_RINVDSTADR: refused for good.
[[carrier.refuse]]
on = "submit"
ratio = 0.01
status = 0x0B
# ESME_RTHROTTLED: goes out again a little later.
[[carrier.refuse]]
on = "submit"
ratio = 0.004
status = 0x58
[carrier.mo]
per_second = {smpp_mobile}
from = "447700900000"
numbers = 1000
to = "10690000"
texts = ["YES", "STOP", "Thank you, that time is fine.", "Where is my parcel? It should have come this morning."]
long = 0.15

[[carrier]]
name = "{CMPP}"
protocol = "cmpp30"
max_links = 4
gateway = {gateway}
[[carrier.account]]
source_addr = "900001"
shared_secret = "demo"
[carrier.answer]
delay = {{ from = "15ms", to = "120ms" }}
[carrier.receipts]
ratio = 0.997
delay = {{ from = "400ms", to = "3500ms" }}
on_any_link = true
states = [
    {{ stat = "DELIVRD", weight = 962 }},
    {{ stat = "UNDELIV", weight = 13 }},
    {{ stat = "EXPIRED", weight = 8 }},
    {{ stat = "MK:0005", weight = 12 }},
    {{ stat = "MA:0054", weight = 5 }},
]
# 13: bad Dest_terminal_Id, refused for good.
[[carrier.refuse]]
on = "submit"
ratio = 0.008
status = 13
# 8: flow control, goes out again a little later.
[[carrier.refuse]]
on = "submit"
ratio = 0.004
status = 8
[carrier.mo]
per_second = {cmpp_mobile}
from = "13900000000"
numbers = 100000000
to = "1069000012"
texts = ["收到", "TD", "好的，谢谢！", "请问我的快递什么时候能到？"]
long = 0.15

[[carrier]]
name = "{SIP}"
protocol = "sip"
domain = "ims.example"
account = [{{ username = "861088880000", password = "demo" }}]
registrar = {{ expires = "5m" }}
challenge = {{ algorithms = ["SHA-256", "MD5"] }}
record_messages = false
{SCRIPTS}
[carrier.calls]
per_second = {inbound}
target = {{ account = "861088880000" }}
from = ["+8613900139001", "+8613900139002", "+8613900139003", "+8613900139004"]
to = ["{CALLER}"]
form = "sip-phone"
give_up = {{ from = "2s", to = "20s" }}
hold = {{ from = "3s", to = "25s" }}
"#
    );
    Scenario::parse(&text).context("the demo's scenario")
}

/// The daemon's configuration: everything is told as events, and a report that never comes is given up after ten
/// minutes.
///
/// # Errors
/// Only if the text below is no configuration.
pub fn config(
    listen: Listen,
    carriers: &[(String, SocketAddr)],
    store: &Path,
    rate_per_second: u32,
) -> anyhow::Result<Config> {
    let address = |name: &str| {
        let found = carriers.iter().find(|(carrier, _)| carrier == name);
        found.map(|(_, address)| *address).with_context(|| format!("no carrier {name} was started"))
    };
    let (smpp, cmpp, sip) = (address(SMPP)?, address(CMPP)?, address(SIP)?);
    let (sip_host, sip_port) = (sip.ip(), sip.port());
    let window = window(rate_per_second);
    let Listen { gateway, admin } = listen;
    let text = format!(
        r#"
allow_literal_secrets = true

[listen]
gateway = "{gateway}"
admin = "{admin}"

[store]
path = "store"
reserve = "64MiB"

[messages]
default_validity = "1h"
report_window = "10m"
reassembly_timeout = "1m"
intermediate_events = true

[[trunk]]
id = "{SMPP}"
protocol = "smpp34"
hosts = ["{smpp}"]
operator = "demo"
links = {LINKS}
window = {window}
account = {{ system_id = "demo", password = "literal:demo", default_sender = "Demo" }}

[[trunk]]
id = "{CMPP}"
protocol = "cmpp30"
hosts = ["{cmpp}"]
operator = "demo"
links = {LINKS}
window = {window}
account = {{ source_addr = "900001", shared_secret = "literal:demo", service_id = "DEMO", access_number = "10690000" }}

[sip]
listen = ["udp:127.0.0.1:0"]

[[trunk]]
id = "{SIP}"
protocol = "sip"
profile = "sip-ims"
operator = "demo"
domain = "ims.example"
gateway = [{{ host = "{sip_host}", port = {sip_port}, transport = "udp" }}]
account = {{ username = "861088880000", password = "literal:demo" }}
callers = {{ authorisation = "the demo's own carrier", numbers = ["{CALLER}"] }}

# Chinese mobile numbers, with and without the country's code.
[[route]]
prefixes = ["86", "13", "14", "15", "16", "17", "18", "19"]
trunks = ["{CMPP}"]

[[route]]
trunks = ["{SMPP}"]
"#
    );
    let mut config = config::parse(&text, "demo", &|_| None).context("the demo's configuration")?;
    // A path may hold what a TOML text would have to escape.
    config.store.path = store.to_owned();
    Ok(config)
}

/// How much is sent, per second, about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rates {
    /// Messages.
    pub messages: u32,
    /// Calls that are placed.
    pub calls: u32,
}

/// Where the daemon listens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Listen {
    /// gRPC.
    pub gateway: SocketAddr,
    /// HTTP with metrics.
    pub admin: SocketAddr,
}

/// What carriers grant as a rule, or as much as the rate needs when answers take the fifth of a second, twice over.
fn window(rate_per_second: u32) -> u64 {
    let in_flight = u64::from(rate_per_second) * SEGMENTS / 5;
    (2 * in_flight).div_ceil(LINKS).clamp(16, 4096)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::domain::Number;

    const RATES: Rates = Rates { messages: 20, calls: 1 };

    fn local(port: u16) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], port))
    }

    #[test]
    fn carriers_and_trunks_fit_each_other() {
        let scenario = scenario(7, RATES, Timestamp::UNIX_EPOCH).expect("a scenario");
        let names = scenario.carriers.iter().map(|carrier| &carrier.name);
        let names = names.chain(scenario.sip_carriers.iter().map(|carrier| &carrier.name));
        let carriers: Vec<_> = (2000..).zip(names).map(|(port, name)| (name.clone(), local(port))).collect();
        let listen = Listen { gateway: local(1), admin: local(2) };
        let store = Path::new("a \"quoted\" folder");
        let config = config(listen, &carriers, store, 20).expect("a configuration");
        assert_eq!(config.store.path, store);
        assert_eq!((config.listen.gateway, config.listen.admin), (local(1), local(2)));
        assert_eq!(config.messages.report_window, Duration::from_secs(600));
        let trunks: Vec<_> = config
            .trunks
            .iter()
            .map(|trunk| (trunk.id.as_str(), trunk.protocol.name(), trunk.links))
            .collect();
        assert_eq!(trunks, [(SMPP, "smpp34", 2), (CMPP, "cmpp30", 2)]);
        let [trunk] = config.sip_trunks.as_slice() else { panic!("one trunk for calls") };
        assert!(trunk.id.as_str() == SIP && trunk.callers.permit(&Number::parse(CALLER).expect("a number")));
    }

    #[test]
    fn a_later_run_has_another_cmpp_gateway() {
        let gateway = |second| {
            let at = Timestamp::from_second(second).expect("a time");
            scenario(7, RATES, at).expect("a scenario").carriers[1].gateway
        };
        assert_ne!(gateway(1_800_000_000), gateway(1_800_000_001));
    }

    #[test]
    fn the_window_grows_with_the_rate() {
        assert_eq!([0, 20, 1_000, 1_000_000].map(window), [16, 16, 400, 4096]);
    }
}
