//! Trunks with profiles: what holds where, and the exact words for what is wrong.

use std::time::Duration;

use codecs::text::Charset;

use crate::config::{
    BindMode, CarrierIdForm, CmppAccount, Config, LongMessages, ProtocolConfig, ReceiptForm, SmppAccount,
    TlvRule, ValidityForm, parse,
};
use crate::domain::{FailureClass, Reaction};

/// A configuration with one trunk, from line 3 on, whose own lines are `trunk` and then `account`.
fn with(profile: &str, trunk: &str, account: &str) -> String {
    format!(
        "allow_literal_secrets = true\nstore = {{ path = \"state\" }}\n[[trunk]]\nid = \"a\"\nprofile = \"{profile}\"\n\
         hosts = [\"h:1\"]\n{trunk}\n[trunk.account]\n{account}\n"
    )
}

const SMPP: &str = "system_id = \"esme\"\npassword = \"literal:secret\"";
const CMPP: &str = "source_addr = \"901234\"\nshared_secret = \"literal:secret\"\nservice_id = \"\"\naccess_number = \"106\"";

fn read(text: &str) -> Config {
    parse(text, "carrierd.toml", &|_| None).unwrap_or_else(|error| panic!("{error}"))
}

fn smpp(config: &Config) -> &SmppAccount {
    let ProtocolConfig::Smpp(account) = &config.trunks[0].protocol else { panic!("no SMPP") };
    account
}

fn cmpp(config: &Config) -> &CmppAccount {
    let ProtocolConfig::Cmpp(account) = &config.trunks[0].protocol else { panic!("no CMPP") };
    account
}

/// What is wrong with a trunk whose profile is this file.
fn faults(profile: &str, trunk: &str, account: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("mine.toml"), profile).unwrap();
    let name = folder.path().join("carrierd.toml").display().to_string();
    let error =
        parse(&with("file:mine.toml", trunk, account), &name, &|_| None).expect_err("faults").to_string();
    error.replace(&format!("{}/", folder.path().display()), "")
}

#[test]
fn every_shipped_profile_makes_a_trunk_of_an_account() {
    for shipped in profiles::SHIPPED.iter().filter(|shipped| !shipped.name.starts_with("sip")) {
        let account = if shipped.name.starts_with("cmpp") { CMPP } else { SMPP };
        let config = read(&with(shipped.name, "", account));
        let protocol = config.trunks[0].protocol.name();
        assert!(shipped.name.starts_with(protocol), "{}: {protocol}", shipped.name);
    }
}

#[test]
fn a_profile_holds_where_the_trunk_says_nothing() {
    let config = read(&with("smpp34-sar", "", SMPP));
    let account = smpp(&config);
    assert_eq!((account.long_messages, account.validity), (LongMessages::Sar, ValidityForm::Absolute));
    assert_eq!((account.default_charset, account.incoming_charset), (Charset::Gsm7, Charset::Latin1));
    assert_eq!((account.receipts.form, account.receipts.flagged), (ReceiptForm::Text, false));
    assert_eq!((account.sender_kind.ton, account.recipient_kind.ton), (Some(3), Some(1)));
    assert_eq!(account.bind, BindMode::Transceiver, "from what the profile extends");
    let config = read(&with("cmpp30-gbk", "", CMPP));
    let trunk = &config.trunks[0];
    assert_eq!((trunk.window, trunk.reference_octets), (32, 2));
    assert_eq!(trunk.timers.response, Duration::from_secs(30));
    assert_eq!(cmpp(&config).charsets, [Charset::Ascii, Charset::Gbk, Charset::Ucs2]);
    assert_eq!(cmpp(&config).validity, ValidityForm::None);
}

#[test]
fn the_trunks_own_keys_win_and_a_status_is_merged_by_its_code() {
    let own = "window = 3\nprotocol = \"smpp50\"\ncarrier_ids = \"folded\"\n\
               status = [{ code = 0x45, then = \"never\" }, { code = 0x400, then = \"elsewhere\" }]\n\
               receipts = { form = \"both\" }";
    let config = read(&with("smpp34-sar", own, &format!("{SMPP}\nlong_messages = \"udh\"")));
    let (trunk, account) = (&config.trunks[0], smpp(&config));
    assert_eq!((trunk.protocol.name(), trunk.window), ("smpp50", 3));
    assert_eq!(trunk.carrier_ids, CarrierIdForm::Folded);
    assert_eq!((account.long_messages, account.validity), (LongMessages::Udh, ValidityForm::Absolute));
    assert_eq!((account.receipts.form, account.receipts.flagged), (ReceiptForm::Both, false));
    let statuses: Vec<_> = trunk.statuses.iter().map(|rule| (rule.code, rule.then, rule.class)).collect();
    let throttled = (0x14, Reaction::SlowDown, Some(FailureClass::Throttled));
    assert_eq!(statuses, [(0x45, Reaction::Never, None), (0x400, Reaction::Elsewhere, None), throttled]);
}

#[test]
fn a_tlv_of_a_profile_gets_its_value_from_the_trunk() {
    let config = read(&with("smpp34-registered", "tlv = [{ tag = 0x1400, text = \"100123\" }]", SMPP));
    let rule = |tag, value: Option<&[u8]>| TlvRule { tag, value: value.map(<[u8]>::to_vec), nul: true };
    assert_eq!(smpp(&config).tlvs, [rule(0x1400, Some(b"100123\0")), rule(0x1401, None)]);
    let own = "tlv = [{ tag = 0x2000, octets = \"00ff\" }]";
    let config = read(&with("smpp34", own, SMPP));
    assert_eq!(smpp(&config).tlvs, [TlvRule { tag: 0x2000, value: Some(vec![0, 0xff]), nul: false }]);
}

#[test]
fn a_profile_of_ones_own_goes_on_from_a_shipped_one() {
    let folder = tempfile::tempdir().unwrap();
    let mine =
        "about = \"ours\"\nextends = \"smpp34-latin1\"\nwindow = 7\n[account]\nlong_messages = \"udh\"\n";
    std::fs::write(folder.path().join("mine.toml"), mine).unwrap();
    let name = folder.path().join("carrierd.toml").display().to_string();
    let config = parse(&with("file:mine.toml", "", SMPP), &name, &|_| None).unwrap();
    assert_eq!((config.trunks[0].window, config.trunks[0].carrier_ids), (7, CarrierIdForm::Folded));
    let account = smpp(&config);
    assert_eq!((account.default_charset, account.long_messages), (Charset::Latin1, LongMessages::Udh));
}

#[test]
fn a_mistake_is_told_of_the_file_that_has_it() {
    let base = "protocol = \"smpp34\"\n";
    for (profile, told) in [
        ("window = 0\n", "mine.toml:2: window: 0 is not allowed: 1 to 4096 unanswered submits per link"),
        (
            "[account]\n\nlong_messages = \"tpdu\"",
            "mine.toml:4: account.long_messages: \"tpdu\" is not allowed: \"udh\", \"sar\" or \"payload\"",
        ),
        (
            "[timers]\nprobe = 1",
            "mine.toml:3: timers.probe: 1 is not allowed: \"1ms\" to \"10m\", a whole number with ms, s, m, h or d",
        ),
        ("[[status]]\ncode = 5\nthen = \"now\"", "mine.toml:4: status.then: \"now\" is not allowed: "),
        (
            "[[status]]\ncode = 5\nthen = \"never\"\n[[status]]\ncode = 5\nthen = \"later\"",
            "mine.toml:6: status.code: 5 is not allowed: line 3 says already",
        ),
        ("[[tlv]]\ntag = 0x0424", "mine.toml:3: tlv.tag: 0x0424 is not allowed: the daemon writes it itself"),
        (
            "[[tlv]]\ntag = 0x1400\ntext = \"a\"\noctets = \"61\"",
            "mine.toml:5: tlv.octets: is not allowed beside text",
        ),
        ("[[tlv]]\ntag = 0x1400\n[[tlv]]\ntag = 0x1400", "mine.toml:5: tlv.tag: 0x1400 is there twice"),
        (
            "[receipts]\nform = \"xml\"",
            "mine.toml:3: receipts.form: \"xml\" is not allowed: \"both\", \"text\" or \"tlv\"",
        ),
        (
            "[account]\nregistered_delivery = 2",
            "mine.toml:3: account.registered_delivery: 0x02 is not allowed",
        ),
        ("[account]\nsender_ton = 7", "mine.toml:3: account.sender_ton: 7 is not allowed: 0 to 6 "),
        ("hosts = [\"h:1\"]", "mine.toml:2: hosts: is not allowed in a profile: it belongs to the trunk"),
        ("[account]\npassword = \"x\"", "mine.toml:3: account.password: is not allowed in a profile"),
        ("lnks = 2", "mine.toml:2: lnks: there is no such key here, only id, profile, protocol, "),
        ("account = 5", "mine.toml:2: account: 5 is not allowed: a table of its own"),
        ("extends = \"none\"", "mine.toml:2: extends: \"none\" is not allowed: file:PATH or one of smpp34, "),
        ("[carrier]\nspeed = 1", "mine.toml:3: carrier: unknown field `speed`"),
    ] {
        let told_now = faults(&format!("{base}{profile}"), "", SMPP);
        assert!(told_now.starts_with(told), "{profile}\n{told_now}");
        assert_eq!(told_now.lines().count(), 1, "{told_now}");
    }
}

#[test]
fn what_is_wrong_between_the_files_is_told_once_at_its_place() {
    let told = faults("protocol = \"cmpp20\"", "protocol = \"smpp34\"", SMPP);
    assert_eq!(told, "carrierd.toml:7: trunk.protocol: is not allowed: the profile is of CMPP carriers");
    let told = faults("window = 5", "", SMPP);
    assert!(told.starts_with("carrierd.toml:3: trunk.protocol: is missing: \"smpp33\""), "{told}");
    let told = faults("protocol = \"smpp33\"\n[account]\nlong_messages = \"sar\"", "", SMPP);
    assert_eq!(told, "mine.toml:3: account.long_messages: \"sar\" is not allowed: \"udh\"");
    let told = faults(
        "protocol = \"smpp34\"\n[timers]\nreconnect_max = \"10s\"",
        "timers = { reconnect_min = \"20s\" }",
        SMPP,
    );
    assert_eq!(
        told,
        "mine.toml:3: timers.reconnect_max: 10s is not allowed: no less than reconnect_min, 20s"
    );
    let twice = format!(
        "{}{}",
        with("file:mine.toml", "", SMPP),
        with("file:mine.toml", "", SMPP)
            .split_once("[[trunk]]")
            .map(|(_, trunk)| format!("[[trunk]]{}", trunk.replace("id = \"a\"", "id = \"b\"")))
            .unwrap()
    );
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("mine.toml"), "protocol = \"smpp34\"\nwindow = 0").unwrap();
    let name = folder.path().join("carrierd.toml").display().to_string();
    assert_eq!(parse(&twice, &name, &|_| None).expect_err("faults").faults().len(), 1);
}
