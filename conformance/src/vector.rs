//! Conformance vectors: octets, what they mean, and the clause that says so. Judging them is left to `judge`.

use std::{fmt, fs, path::Path};

use anyhow::{Context as _, Result, bail, ensure};
use serde::Deserialize;
use toml::Table;

/// A specification that has vectors. 2.1 of CMPP is judged with 2.0, whose layout it has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Spec {
    /// SMPP 3.4.
    Smpp34,
    /// What SMPP 5.0 has beyond 3.4.
    Smpp50,
    /// CMPP 2.0 and 2.1.
    Cmpp20,
    /// CMPP 3.0.
    Cmpp30,
}

impl Spec {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Smpp34, Self::Smpp50, Self::Cmpp20, Self::Cmpp30];

    /// The folder below `vectors/`.
    #[must_use]
    pub fn folder(self) -> &'static str {
        match self {
            Self::Smpp34 => "smpp34",
            Self::Smpp50 => "smpp50",
            Self::Cmpp20 => "cmpp20",
            Self::Cmpp30 => "cmpp30",
        }
    }
}

impl fmt::Display for Spec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Smpp34 => "SMPP 3.4",
            Self::Smpp50 => "SMPP 5.0",
            Self::Cmpp20 => "CMPP 2.0, 2.1",
            Self::Cmpp30 => "CMPP 3.0",
        })
    }
}

/// One vector. Which of the optional tables it has decides how it is judged.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Vector {
    /// Unique among all vectors.
    pub id: String,
    /// Document and operation, or the field.
    pub operation: String,
    /// What it shows.
    pub title: String,
    /// What a reader of the verdict should know.
    pub note: Option<String>,
    /// Version octets of CMPP under which the vector holds; empty in SMPP.
    #[serde(default)]
    pub versions: Vec<u8>,
    /// Row in the table of malformed input in the CMPP reference.
    pub row: Option<u8>,
    /// Who can judge the answer; a codec alone can't judge a session.
    #[serde(default)]
    pub layer: Layer,
    /// The state of the session in which the octets arrive; for [`Layer::Session`].
    pub state: Option<String>,
    /// One unit, or what stands in for it.
    #[serde(default, deserialize_with = "hexadecimal")]
    pub octets: Vec<u8>,
    /// A text that `octets` hold in the alphabet of `data_coding`.
    pub text: Option<String>,
    /// The alphabet of `text`.
    pub data_coding: Option<u8>,
    /// Septets, octets or UTF-16 units of `text`.
    pub units: Option<usize>,
    /// How `text` is packed, if it is: `septets` (the count is told beside it), `padded` (it is not), or `after the
    /// header` that `octets` begin with.
    pub packed: Option<String>,
    /// TP-UDL: septets of header and text, where text is packed after a header.
    pub user_data_length: Option<usize>,
    /// Every field, named as in the specification.
    pub fields: Option<Table>,
    /// The status report inside a CMPP_DELIVER.
    pub report: Option<Table>,
    /// What a receipt of SMPP says.
    pub receipt: Option<Table>,
    /// What the user data header says.
    pub udh: Option<Table>,
    /// The inputs and values of CMPP's authenticators.
    pub digest: Option<Table>,
    /// What malformed octets get.
    pub answer: Option<Answer>,
}

/// Who can judge an answer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Layer {
    /// The codec: the octets alone decide.
    #[default]
    Codec,
    /// The session: what went before decides too.
    Session,
}

/// What malformed octets get.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Answer {
    /// The PDU to answer with, or `none`.
    pub respond: String,
    /// The statuses that are right; 0 among them: the octets may be taken.
    #[serde(default)]
    pub status: Vec<u32>,
    /// The sequence number of the answer; absent where no answer is as good.
    pub sequence: Option<u32>,
    /// Whether no answer is right too.
    #[serde(default)]
    pub or_nothing: bool,
    /// How many units the octets are, if not one.
    pub packets: Option<usize>,
    /// What becomes of the connection.
    pub then: Then,
}

/// What becomes of the connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Then {
    /// It goes on.
    Continue,
    /// It is closed, for the boundary of the next unit is lost.
    Close,
    /// More octets are needed first.
    Wait,
}

/// What a vector is, for counting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Octets with their meaning, both ways.
    Sound,
    /// Octets with the answer they get.
    Malformed,
    /// A text and its octets.
    Text,
    /// A digest.
    Digest,
}

impl Vector {
    /// Says what it is.
    ///
    /// # Errors
    /// When it has nothing that could be judged.
    pub fn kind(&self) -> Result<Kind> {
        match (&self.answer, &self.fields, &self.text, &self.digest) {
            (Some(_), None, None, None) => Ok(Kind::Malformed),
            (None, Some(_), None, None) => Ok(Kind::Sound),
            (None, None, Some(_), None) => Ok(Kind::Text),
            (None, None, None, Some(_)) => Ok(Kind::Digest),
            _ => bail!("needs exactly one of: fields, answer, text, digest"),
        }
    }
}

/// Reads every vector of `spec` that the crate comes with, in the order of files and lines.
///
/// # Errors
/// Whatever is wrong, with the file and, where it is about one vector, its id.
pub fn load(spec: Spec) -> Result<Vec<Vector>> {
    load_folder(&Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors").join(spec.folder()))
}

fn load_folder(folder: &Path) -> Result<Vec<Vector>> {
    let entries = fs::read_dir(folder).with_context(|| folder.display().to_string())?;
    let mut files = entries.map(|entry| Ok(entry?.path())).collect::<Result<Vec<_>>>()?;
    files.retain(|file| file.extension().is_some_and(|extension| extension == "toml"));
    files.sort();
    ensure!(!files.is_empty(), "{}: no vectors", folder.display());
    let mut all: Vec<Vector> = Vec::new();
    for file in files {
        let text = fs::read_to_string(&file).with_context(|| file.display().to_string())?;
        for vector in parse(&text).with_context(|| file.display().to_string())? {
            ensure!(
                all.iter().all(|other| other.id != vector.id),
                "{}: {} is there twice",
                file.display(),
                vector.id
            );
            all.push(vector);
        }
    }
    Ok(all)
}

fn parse(text: &str) -> Result<Vec<Vector>> {
    let mut file: Table = text.parse()?;
    let Some(toml::Value::Array(vectors)) = file.remove("vector") else { bail!("has no [[vector]]") };
    if let Some(key) = file.keys().next() {
        bail!("has a key of its own: {key}");
    }
    vectors.into_iter().enumerate().map(|(index, value)| read(index, value)).collect()
}

fn read(index: usize, value: toml::Value) -> Result<Vector> {
    let id = value.get("id").and_then(toml::Value::as_str).map(str::to_owned);
    let id = id.unwrap_or_else(|| format!("vector {} (no id)", index + 1));
    let vector: Vector = value.try_into().with_context(|| id.clone())?;
    vector.kind().context(id)?;
    Ok(vector)
}

fn hexadecimal<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
    let text = String::deserialize(deserializer)?;
    octets(&text).map_err(serde::de::Error::custom)
}

/// Reads hexadecimal digits; spaces and line ends between them are only for the reader.
///
/// # Errors
/// An odd number of digits, or something that is none.
pub fn octets(text: &str) -> Result<Vec<u8>> {
    let digits: Vec<u8> = text.bytes().filter(|octet| !octet.is_ascii_whitespace()).collect();
    ensure!(digits.len().is_multiple_of(2), "an odd number of hexadecimal digits");
    digits
        .chunks_exact(2)
        .map(|pair| {
            let pair = std::str::from_utf8(pair)?;
            u8::from_str_radix(pair, 16).with_context(|| format!("{pair:?} is no hexadecimal octet"))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_names_the_file_and_the_vector() {
        let folder = tempfile::tempdir().unwrap();
        let bad =
            "[[vector]]\nid = \"X7\"\noperation = \"\"\ntitle = \"\"\noctets = \"0g\"\n[vector.fields]\n";
        fs::write(folder.path().join("bind.toml"), bad).unwrap();
        let told = format!("{:#}", load_folder(folder.path()).unwrap_err());
        assert!(told.contains("bind.toml") && told.contains("X7") && told.contains("0g"), "{told}");
    }

    #[test]
    fn a_vector_without_a_meaning_is_refused() {
        let told = parse("[[vector]]\nid = \"X8\"\noperation = \"\"\ntitle = \"\"\n").unwrap_err();
        assert!(format!("{told:#}").contains("X8"), "{told:#}");
    }

    #[test]
    fn an_unknown_key_is_refused() {
        let told = parse("[[vector]]\nid = \"X9\"\noperation = \"\"\ntitle = \"\"\noctet = \"\"\n");
        assert!(format!("{:#}", told.unwrap_err()).contains("octet"));
    }

    #[test]
    fn every_vector_has_an_id_of_its_own_across_the_specifications() {
        let mut ids: Vec<String> =
            Spec::ALL.into_iter().flat_map(|spec| load(spec).unwrap()).map(|vector| vector.id).collect();
        let all = ids.len();
        ids.sort();
        ids.dedup();
        assert_eq!(ids.len(), all);
    }
}
