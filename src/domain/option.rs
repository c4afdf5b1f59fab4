//! Protocol options: what a request may set in the carrier's unit beside the message itself.
//!
//! A message goes by route to one protocol or another, so options of all protocols may come together; a trunk takes
//! those of its own. What no trunk could write is refused at acceptance, where the caller still hears of it.

/// The fields, each with the octets that fit into it in every version of its protocol.
const FIELDS: [(&str, usize); 6] = [
    // SMPP submit_sm service_type.
    ("service_type", 5),
    // CMPP_SUBMIT Service_Id, FeeType, FeeCode, Fee_terminal_Id and, from 3.0 on, LinkID.
    ("service_id", 10),
    ("fee_type", 2),
    ("fee_code", 6),
    ("fee_terminal_id", 21),
    ("link_id", 20),
];
/// Begins the key of an SMPP TLV; four hexadecimal digits, the tag, follow.
const TLV: &str = "tlv.0x";
/// TLVs that we write ourselves for long messages (SMPP 3.4 message_payload and sar_*).
const OWN_TAGS: [u16; 4] = [0x0424, 0x020C, 0x020E, 0x020F];

/// Refuses an option that no trunk could write.
///
/// # Errors
/// What is wrong with it, for a person.
pub fn check_option(key: &str, value: &str) -> Result<(), String> {
    if key.starts_with(TLV) {
        return match tlv_tag(key) {
            None => Err(format!("{key} names no TLV: write {TLV} and four hexadecimal digits")),
            Some(tag) if is_own_tag(tag) => {
                Err(format!("{key} is set by the daemon itself, for long messages"))
            }
            Some(_) => Ok(()),
        };
    }
    match FIELDS.iter().find(|(name, _)| *name == key) {
        None => {
            let names: Vec<&str> = FIELDS.iter().map(|(name, _)| *name).collect();
            Err(format!("{key} is not known: there are {} and {TLV}…", names.join(", ")))
        }
        Some((_, max))
            if value.len() > *max || !value.bytes().all(|octet| (b' '..=b'~').contains(&octet)) =>
        {
            Err(format!("{key} must be at most {max} printable ASCII characters"))
        }
        Some(_) => Ok(()),
    }
}

/// Says whether the daemon writes this TLV itself.
#[must_use]
pub fn is_own_tag(tag: u16) -> bool {
    OWN_TAGS.contains(&tag)
}

/// The tag of an SMPP TLV that an option names.
#[must_use]
pub fn tlv_tag(key: &str) -> Option<u16> {
    let digits = key.strip_prefix(TLV).filter(|digits| digits.len() == 4)?;
    // The parser alone would take a sign for a digit.
    digits.bytes().all(|digit| digit.is_ascii_hexdigit()).then(|| u16::from_str_radix(digits, 16).ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_what_fits_into_its_field() {
        for (key, max) in FIELDS {
            assert_eq!(check_option(key, &"x".repeat(max)), Ok(()));
            assert!(check_option(key, &"x".repeat(max + 1)).unwrap_err().contains(&max.to_string()));
            assert!(check_option(key, "费").is_err());
        }
        assert_eq!(check_option("tlv.0x1400", "任何"), Ok(()));
        assert_eq!(tlv_tag("tlv.0x14aF"), Some(0x14AF));
    }

    #[test]
    fn refuses_what_no_trunk_could_write() {
        for key in ["tlv.0x14", "tlv.0x+140", "tlv.0x14000", "tlv.0xwxyz"] {
            assert!(check_option(key, "").unwrap_err().contains("four hexadecimal digits"), "{key}");
        }
        assert!(check_option("tlv.0x0424", "").unwrap_err().contains("itself"));
        assert!(check_option("sevice_id", "").unwrap_err().contains("service_id"));
    }
}
