//! Judges vectors of CMPP, under every version that a vector names.

use anyhow::{Context as _, Result, ensure};
use bytes::{Bytes, BytesMut};
use codecs::{
    cmpp::{
        AccountPadding, Cmpp, Credentials, Header, Pdu, Report, Version,
        auth::{LoginStamp, authenticator_ismg, authenticator_source},
        command,
    },
    session::{Admission, Config, Dialect, Event, Session},
};
use serde_json::{Map, Value, json};
use toml::Table;

use crate::{
    compare,
    judge::{self, Reaction, Told},
    text,
    vector::{Layer, Then, Vector},
};

pub(crate) fn sound(vector: &Vector) -> Result<()> {
    for version in versions(vector)? {
        meaning(vector, version).with_context(|| format!("under version {:#04x}", version.octet()))?;
    }
    Ok(())
}

fn meaning(vector: &Vector, version: Version) -> Result<()> {
    let (header, pdu) = Pdu::decode(&vector.octets, version)?;
    judge::expect_no_differences("fields", vector.fields.as_ref(), &dump(&header, &pdu)?)?;
    let mut again = BytesMut::new();
    pdu.encode(version, header.sequence_id, &mut again)?;
    judge::expect_same_octets(&vector.octets, &again)?;
    if let Some(wanted) = &vector.report {
        let Pdu::Deliver(deliver) = pdu else { anyhow::bail!("only a CMPP_DELIVER has a report") };
        let report: Report = deliver.report().context("is no report")??;
        judge::expect_no_differences("report", Some(wanted), &serde_json::to_value(report)?)?;
    }
    if let Some(wanted) = &vector.udh {
        let (content, has_header) = match pdu {
            Pdu::Submit(submit) => (submit.msg_content, submit.has_header()),
            Pdu::Deliver(deliver) => (deliver.msg_content, deliver.has_header()),
            _ => anyhow::bail!("has no content"),
        };
        ensure!(has_header, "TP_udhi says that there is no header");
        judge::expect_no_differences("udh", Some(wanted), &text::header(content)?)?;
    }
    Ok(())
}

/// A unit as one object: the fields of its header and of its body.
pub(crate) fn dump(header: &Header, pdu: &Pdu<'_>) -> Result<Value> {
    let mut all = Map::new();
    for part in [serde_json::to_value(header)?, serde_json::to_value(pdu)?] {
        if let Value::Object(fields) = part {
            all.extend(fields);
        }
    }
    Ok(Value::Object(all))
}

pub(crate) fn malformed(vector: &Vector) -> Result<()> {
    let wanted = vector.answer.as_ref().context("no answer")?;
    for version in versions(vector)? {
        let reaction = match (vector.layer, vector.state.as_deref()) {
            (Layer::Codec, None) => {
                let decode = |unit: &[u8]| Pdu::decode(unit, version).map(|_| ());
                judge::react(&Cmpp::server(version), &vector.octets, decode)?
            }
            (Layer::Session, Some("open")) => in_session(vector, version, false)?,
            (Layer::Session, Some("window full")) => in_session(vector, version, true)?,
            (_, state) => anyhow::bail!("in what state? {state:?}"),
        };
        let told = reaction.answer.as_deref().map(|unit| told(unit, version)).transpose()?;
        judge::compare(wanted, &reaction, told.as_ref())
            .with_context(|| format!("under version {:#04x}", version.octet()))?;
    }
    Ok(())
}

/// What a gateway's session does with a unit: right after the connection came up, or while the only request that it
/// lets wait does so.
fn in_session(vector: &Vector, version: Version, full: bool) -> Result<Reaction> {
    let now = codecs::Now { mono: std::time::Instant::now(), wall: jiff::Timestamp::UNIX_EPOCH };
    let config = Config { inbound_window: 1, ..Config::default() };
    let mut gateway = Session::accepting(config, Cmpp::server(version), now);
    let account = Credentials {
        source_addr: b"901234".to_vec(),
        shared_secret: b"s3cr3t!".to_vec(),
        padding: AccountPadding::default(),
    };
    if full {
        let mut sp = Cmpp::new(version);
        let mut login = BytesMut::new();
        let pdu = sp.bind(&account, now);
        pdu.encode(version, 1, &mut login)?;
        deliver(&mut gateway, now, login.freeze(), &account);
        ensure!(gateway.is_bound(), "our own login was refused");
        deliver(&mut gateway, now, Bytes::copy_from_slice(&vector.octets), &account);
        take(&mut gateway);
    }
    deliver(&mut gateway, now, Bytes::copy_from_slice(&vector.octets), &account);
    let answer = take(&mut gateway);
    let then = if gateway.is_closed() { Then::Close } else { Then::Continue };
    Ok(Reaction { taken: 0, answer: (!answer.is_empty()).then_some(answer), then })
}

/// Hands a unit over; a bind is decided at once.
fn deliver(gateway: &mut Session<Cmpp>, now: codecs::Now, unit: Bytes, account: &Credentials) {
    gateway.handle_frame(now, unit);
    while let Some(event) = gateway.poll_event() {
        if let Event::BindRequested(_) = event {
            gateway.admit(now, Admission::Check(account));
        }
    }
}

/// What the gateway wants to send.
fn take(gateway: &mut Session<Cmpp>) -> BytesMut {
    gateway.poll_transmit().map(std::mem::take).unwrap_or_default()
}

fn told(unit: &[u8], version: Version) -> Result<Told> {
    let (header, pdu) = Pdu::decode(unit, version).context("our own answer")?;
    let name = command::name(header.command_id, version).context("a command of this version")?;
    let seen = dump(&header, &pdu)?;
    let status =
        ["Result", "Status", "Success_Id"].into_iter().find_map(|name| compare::field(&seen, name, false));
    let status = status.and_then(Value::as_u64).and_then(|status| u32::try_from(status).ok());
    Ok(Told { name: name.to_owned(), status: status.context("a status")?, sequence: header.sequence_id })
}

pub(crate) fn digest(vector: &Vector) -> Result<()> {
    let given = vector.digest.as_ref().context("no digest")?;
    let account = string(given, "Source_Addr")?.as_bytes();
    let secret = string(given, "shared_secret")?.as_bytes();
    let stamp = given.get("Timestamp").and_then(toml::Value::as_integer).context("Timestamp")?;
    let stamp = LoginStamp::from_number(u32::try_from(stamp)?);
    let padding = match given.get("Source_Addr_reading").and_then(toml::Value::as_str) {
        Some("field") => AccountPadding::Padded,
        _ => AccountPadding::Plain,
    };
    let source = authenticator_source(account, padding, secret, stamp);
    let mut seen = json!({ "AuthenticatorSource": hexadecimal(&source) });
    let mut wanted = Table::new();
    wanted
        .insert("AuthenticatorSource".into(), given.get("AuthenticatorSource").context("no value")?.clone());
    for version in versions(vector)? {
        if let Some(status) = given.get("Status").and_then(toml::Value::as_integer) {
            let proof = authenticator_ismg(version.layout(), u32::try_from(status)?, &source, secret);
            seen["AuthenticatorISMG"] = hexadecimal(&proof).into();
            wanted.insert(
                "AuthenticatorISMG".into(),
                given.get("AuthenticatorISMG").context("no value")?.clone(),
            );
        }
        judge::expect_no_differences("digest", Some(&wanted), &seen)?;
    }
    Ok(())
}

fn versions(vector: &Vector) -> Result<Vec<Version>> {
    ensure!(!vector.versions.is_empty(), "names no version");
    vector
        .versions
        .iter()
        .map(|&octet| Version::from_octet(octet).with_context(|| format!("no version {octet:#04x}")))
        .collect()
}

fn string<'a>(table: &'a Table, key: &str) -> Result<&'a str> {
    table.get(key).and_then(toml::Value::as_str).with_context(|| format!("no {key}"))
}

pub(crate) fn hexadecimal(octets: &[u8]) -> String {
    octets.iter().map(|octet| format!("{octet:02x}")).collect()
}
