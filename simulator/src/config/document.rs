//! The file as a whole: which kind of carrier each `[[carrier]]` is has to be known before it is read.

use std::{fmt, path::PathBuf};

use jiff::Timestamp;
use serde::{
    Deserialize, Deserializer,
    de::{DeserializeSeed, Error as _, MapAccess, SeqAccess, Visitor},
};

use super::{Carrier, Scenario, sip::SipCarrier};

/// Reads a scenario; what is wrong is told with line and key.
pub(super) fn read(text: &str) -> Result<Scenario, toml::de::Error> {
    let Kinds { carrier } = toml::from_str(text)?;
    toml::Deserializer::parse(text)?.deserialize_map(Document(&carrier))
}

/// What says the kind of every carrier.
#[derive(Deserialize)]
struct Kinds {
    #[serde(default)]
    carrier: Vec<Kind>,
}

#[derive(Deserialize)]
struct Kind {
    protocol: Option<String>,
}

impl Kind {
    fn is_sip(&self) -> bool {
        self.protocol.as_deref() == Some("sip")
    }
}

/// The whole file.
struct Document<'a>(&'a [Kind]);

#[derive(Deserialize)]
#[serde(field_identifier, rename_all = "lowercase")]
enum Key {
    Seed,
    Epoch,
    Record,
    Carrier,
}

impl<'de> Visitor<'de> for Document<'_> {
    type Value = Scenario;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a scenario")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Scenario, A::Error> {
        let (mut seed, mut epoch, mut record) = (0, None::<Timestamp>, None::<PathBuf>);
        let mut all = Carriers::default();
        while let Some(key) = map.next_key()? {
            match key {
                Key::Seed => seed = map.next_value()?,
                Key::Epoch => epoch = map.next_value()?,
                Key::Record => record = map.next_value()?,
                Key::Carrier => all = map.next_value_seed(List(self.0))?,
            }
        }
        if all.sms.is_empty() && all.sip.is_empty() {
            return Err(A::Error::missing_field("carrier"));
        }
        Ok(Scenario { seed, epoch, record, carriers: all.sms, sip_carriers: all.sip })
    }
}

/// The carriers of both kinds.
#[derive(Default)]
struct Carriers {
    sms: Vec<Carrier>,
    sip: Vec<SipCarrier>,
}

struct List<'a>(&'a [Kind]);

impl<'de> DeserializeSeed<'de> for List<'_> {
    type Value = Carriers;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Carriers, D::Error> {
        from.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for List<'_> {
    type Value = Carriers;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of carriers")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Carriers, A::Error> {
        let mut all = Carriers::default();
        for kind in self.0 {
            if kind.is_sip() {
                all.sip.extend(list.next_element()?);
            } else {
                all.sms.extend(list.next_element()?);
            }
        }
        Ok(all)
    }
}
