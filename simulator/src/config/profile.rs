//! `profile = "…"` of a carrier: the habits of a kind of carriers, from the very files that the daemon's trunks name.
//!
//! A profile stands in for what the carrier does not say. Whether it is sound is the daemon's to say; here only what
//! shows on the wire is read.

use std::{path::Path, time::Duration};

use jiff::SignedDuration;
use profiles::{
    Fault, Habits, chain,
    words::{self, BindMode, CarrierIdForm, IdSpelling},
};

use super::{Carrier, IdForm, Protocol, Ratio, ReceiptForm, Refuse, RefuseOn, Throttle};

/// SMPP's bind_transceiver, and the status for a command that is not known.
const BIND_TRANSCEIVER: u32 = 9;
const UNKNOWN_COMMAND: u32 = 3;

impl Carrier {
    /// Takes on the habits of the profile that it names, if it names one; `folder` is that of the scenario.
    pub(super) fn adopt_profile(&mut self, folder: &Path) -> Result<(), Fault> {
        let Some(reference) = &self.profile else { return Ok(()) };
        let habits = Habits::of(&chain(reference, folder)?)?;
        self.protocol = self.protocol.or(habits.protocol.map(spoken).transpose()?);
        self.max_links = self.max_links.or(habits.links);
        self.throttle_window = self.throttle_window.or(habits.window);
        let throttle = |submits_per_second| Throttle { submits_per_second, status: None };
        self.throttle = self.throttle.or(habits.submits_per_second.map(throttle));
        let timer = |text: &Option<String>| {
            let length: Option<SignedDuration> = text.as_ref().and_then(|text| text.parse().ok());
            length.and_then(|length| Duration::try_from(length).ok())
        };
        self.probe_after = self.probe_after.or(timer(&habits.timers.probe_after));
        self.response_timeout = self.response_timeout.or(timer(&habits.timers.response));
        let receipts = &mut self.receipts;
        receipts.form = receipts.form.or(habits.receipts.form.map(form));
        receipts.id = receipts.id.or(habits.carrier_ids.map(|ids| id_form(ids, habits.far_end.ids)));
        if habits.account.bind == Some(BindMode::Pair) {
            self.refusals.push(no_transceivers());
        }
        self.habits = habits;
        Ok(())
    }
}

fn spoken(protocol: words::Protocol) -> Result<Protocol, Fault> {
    Ok(match protocol {
        words::Protocol::Smpp33 => Protocol::Smpp33,
        words::Protocol::Smpp34 => Protocol::Smpp34,
        words::Protocol::Smpp50 => Protocol::Smpp50,
        words::Protocol::Cmpp20 => Protocol::Cmpp20,
        words::Protocol::Cmpp21 => Protocol::Cmpp21,
        words::Protocol::Cmpp30 => Protocol::Cmpp30,
        words::Protocol::Sip => {
            let what = "is not allowed: the profile is of carriers of calls".to_owned();
            return Err(Fault { file: None, line: None, key: String::new(), what });
        }
    })
}

fn form(form: words::ReceiptForm) -> ReceiptForm {
    match form {
        words::ReceiptForm::Text => ReceiptForm::Text,
        words::ReceiptForm::Tlv => ReceiptForm::Tlv,
        words::ReceiptForm::Both => ReceiptForm::Both,
    }
}

fn id_form(ids: CarrierIdForm, spelling: Option<IdSpelling>) -> IdForm {
    match (ids, spelling) {
        (CarrierIdForm::Plain, Some(IdSpelling::Hex)) => IdForm::Hex,
        (CarrierIdForm::Plain, _) => IdForm::AsIs,
        (CarrierIdForm::Folded, _) => IdForm::Folded,
        (CarrierIdForm::HexInAnswers, _) => IdForm::HexInAnswerDecimalInReceipt,
        (CarrierIdForm::HexInReports, _) => IdForm::DecimalInAnswerHexInReceipt,
    }
}

fn no_transceivers() -> Refuse {
    Refuse {
        on: RefuseOn::Bind,
        ratio: Ratio::ALWAYS,
        prefix: String::new(),
        suffix: String::new(),
        times: None,
        above_version: None,
        command: Some(BIND_TRANSCEIVER),
        part: None,
        status: UNKNOWN_COMMAND,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Scenario;

    fn carrier(keys: &str) -> Carrier {
        let account = "[[carrier.account]]\nsystem_id = \"esme\"\npassword = \"secret\"\n";
        let text = format!("[[carrier]]\nname = \"a\"\n{keys}\n{account}");
        Scenario::parse(&text).unwrap_or_else(|error| panic!("{error}")).carriers.remove(0)
    }

    #[test]
    fn a_profile_stands_in_for_what_the_carrier_does_not_say() {
        let plain = carrier("profile = \"smpp34-hex-answers\"");
        assert_eq!(plain.protocol, Some(Protocol::Smpp34));
        assert_eq!(plain.receipts.id, Some(IdForm::HexInAnswerDecimalInReceipt));
        assert_eq!((plain.receipts.form, plain.throttle_window), (Some(ReceiptForm::Text), Some(10)));
        assert_eq!(plain.response_timeout, Some(Duration::from_secs(30)));
        let own = carrier(
            "profile = \"smpp34-hex-answers\"\nprotocol = \"smpp50\"\nthrottle_window = 2\n\
             receipts = { id = \"hex\", form = \"tlv\" }",
        );
        assert_eq!((own.protocol, own.throttle_window), (Some(Protocol::Smpp50), Some(2)));
        assert_eq!((own.receipts.id, own.receipts.form), (Some(IdForm::Hex), Some(ReceiptForm::Tlv)));
    }

    #[test]
    fn every_shipped_profile_can_be_played() {
        for shipped in profiles::SHIPPED.iter().filter(|shipped| !shipped.name.starts_with("sip")) {
            let carrier = carrier(&format!("profile = \"{}\"", shipped.name));
            assert_eq!(carrier.speaks().is_cmpp(), shipped.name.starts_with("cmpp"), "{}", shipped.name);
        }
    }

    #[test]
    fn a_profile_that_can_t_be_used_is_told_with_the_carriers_name() {
        let refused = |keys: &str| {
            let text = format!(
                "[[carrier]]\nname = \"a\"\n{keys}\naccount = [{{ system_id = \"e\", password = \"p\" }}]"
            );
            Scenario::parse(&text).expect_err("refused").to_string()
        };
        let told = refused("profile = \"smpp35\"");
        assert!(told.starts_with("scenario: carrier `a`: profile: \"smpp35\" is not allowed"), "{told}");
        assert_eq!(
            refused(""),
            "scenario: carrier `a`: protocol: is missing: say it, or a profile that does"
        );
    }
}
