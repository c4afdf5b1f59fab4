//! Compares what a vector says with what a decoder saw, field by field. Both name fields as the specification does.
//!
//! Octets are `{ hex = "…" }` in a vector and a field named `…_hex` in a dump; a 64-bit id is a string in both, for
//! neither TOML nor JSON readers can be trusted with such numbers.

use serde_json::Value;
use toml::{Table, Value as Wanted};

/// Every difference, as text; empty when `seen` says all that `wanted` does.
#[must_use]
pub fn differences(wanted: &Table, seen: &Value) -> Vec<String> {
    let mut found = Vec::new();
    for (name, value) in wanted {
        compare_field(name, value, seen, &mut found);
    }
    found
}

fn compare_field(name: &str, wanted: &Wanted, seen: &Value, found: &mut Vec<String>) {
    match field(seen, name, hexadecimal(wanted).is_some()) {
        Some(value) => compare(name, wanted, value, found),
        None => found.push(format!("{name} is missing")),
    }
}

fn compare(name: &str, wanted: &Wanted, seen: &Value, found: &mut Vec<String>) {
    if let Some(octets) = hexadecimal(wanted) {
        if seen.as_str() != Some(octets) {
            found.push(format!("{name}: wanted {octets}, got {seen}"));
        }
        return;
    }
    match (wanted, seen) {
        (Wanted::Array(wanted), Value::Array(seen)) if wanted.len() == seen.len() => {
            for (index, (wanted, seen)) in wanted.iter().zip(seen).enumerate() {
                compare(&format!("{name}[{index}]"), wanted, seen, found);
            }
        }
        (Wanted::Table(wanted), Value::Object(_)) => {
            for (inner, value) in wanted {
                let mut below = Vec::new();
                compare_field(inner, value, seen, &mut below);
                found.extend(below.into_iter().map(|difference| format!("{name}.{difference}")));
            }
        }
        (Wanted::String(text), Value::String(other)) if text == other => {}
        (Wanted::Boolean(wanted), Value::Bool(seen)) if wanted == seen => {}
        _ if number(wanted).is_some_and(|wanted| number_seen(seen) == Some(wanted)) => {}
        _ => found.push(format!("{name}: wanted {wanted}, got {seen}")),
    }
}

/// Looks for a field by name, also below: a dump may name the kind of PDU around its fields. Lists are not entered.
#[must_use]
pub fn field<'a>(seen: &'a Value, name: &str, octets: bool) -> Option<&'a Value> {
    let object = seen.as_object()?;
    // Decoders may mark octets as `…_hex` or not; the field is the same.
    let bare = name.strip_suffix("_hex").unwrap_or(name);
    let as_octets = format!("{bare}_hex");
    let octets = octets || bare != name;
    let names = if octets { [as_octets.as_str(), bare] } else { [bare, as_octets.as_str()] };
    let here = |name: &str| object.iter().find(|(key, _)| key.eq_ignore_ascii_case(name));
    names
        .into_iter()
        .find_map(here)
        .map(|(_, value)| value)
        .or_else(|| object.values().find_map(|value| field(value, name, octets)))
}

fn hexadecimal(wanted: &Wanted) -> Option<&str> {
    wanted.as_table().filter(|table| table.len() == 1)?.get("hex")?.as_str()
}

fn number(wanted: &Wanted) -> Option<i128> {
    match wanted {
        Wanted::Integer(integer) => Some(i128::from(*integer)),
        Wanted::String(text) => {
            text.strip_prefix("0x").and_then(|digits| i128::from_str_radix(digits, 16).ok())
        }
        _ => None,
    }
}

fn number_seen(seen: &Value) -> Option<i128> {
    match seen {
        Value::Number(number) => number.as_i128(),
        Value::String(text) => match text.strip_prefix("0x") {
            Some(digits) => i128::from_str_radix(digits, 16).ok(),
            None => text.parse().ok(),
        },
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn told(wanted: &str, seen: &Value) -> Vec<String> {
        differences(&wanted.parse().unwrap(), seen)
    }

    #[test]
    fn finds_fields_below_the_name_of_the_pdu() {
        let seen = json!({"SubmitSm": {"source_addr": "ACME", "short_message_hex": "6869"}});
        assert_eq!(told("source_addr = 'ACME'\nshort_message = { hex = '6869' }", &seen), [""; 0]);
    }

    #[test]
    fn numbers_may_be_spelled_in_hexadecimal_and_as_strings() {
        let seen = json!({"command_id": "0x00000004", "Msg_Id": "14978900618161553407", "ton": 5});
        assert_eq!(told("command_id = 4\nMsg_Id = '0xCFDFBEC02765FFFF'\nton = 5", &seen), [""; 0]);
    }

    #[test]
    fn tells_each_difference_with_its_name() {
        let seen = json!({"ton": 1, "tlvs": [{"tag": "0x0427", "value": 2, "value_hex": "02"}]});
        let wanted = "ton = 5\nnpi = 0\ntlvs = [{ tag = 0x0427, value = { hex = '03' } }]";
        assert_eq!(
            told(wanted, &seen),
            ["npi is missing", "tlvs[0].value: wanted 03, got \"02\"", "ton: wanted 5, got 1"]
        );
    }

    #[test]
    fn a_list_of_another_length_differs() {
        assert_eq!(told("to = ['1']", &json!({"to": ["1", "2"]})).len(), 1);
    }
}
