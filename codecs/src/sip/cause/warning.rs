//! `Warning`: what about a session could not be had (RFC 3261 §20.43).

/// One value of a Warning.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Warning {
    /// 300 to 399.
    pub code: u16,
    /// Who says so: a host or a name. At most 256 octets of it are kept.
    pub agent: String,
    /// The text. At most 256 octets of it are kept.
    pub text: String,
}

/// The octets of an agent and of a text that are kept.
const MOST_OCTETS: usize = 256;

impl Warning {
    /// One value: `304 agent "text"`. `None` if it does not begin with a code of three digits.
    #[must_use]
    pub fn parse(value: &[u8]) -> Option<Self> {
        let value = value.trim_ascii();
        let (digits, rest) = value.split_at_checked(3)?;
        let code = std::str::from_utf8(digits).ok()?.parse().ok().filter(|code| (300..400).contains(code))?;
        if rest.first().is_some_and(|octet| !octet.is_ascii_whitespace()) {
            return None;
        }
        let rest = rest.trim_ascii();
        let end = rest.iter().position(u8::is_ascii_whitespace).unwrap_or(rest.len());
        let (agent, text) = rest.split_at(end);
        let text = text.trim_ascii();
        let text = text.strip_prefix(b"\"").unwrap_or(text);
        let text = text.strip_suffix(b"\"").unwrap_or(text);
        Some(Self { code, agent: kept(agent), text: kept(text) })
    }

    /// What the code is about; empty for one without a name.
    #[must_use]
    pub fn meaning(&self) -> &'static str {
        match self.code {
            300 => "incompatible network protocol",
            301 => "incompatible network address format",
            302 => "incompatible transport protocol",
            303 => "incompatible bandwidth units",
            304 => "media type not available",
            305 => "incompatible media format",
            306 => "attribute not understood",
            307 => "session description parameter not understood",
            330 => "multicast not available",
            331 => "unicast not available",
            370 => "insufficient bandwidth",
            380..=399 => "miscellaneous",
            _ => "",
        }
    }

    /// Says whether it blames the bearer: its media, its format or its bandwidth.
    pub(super) fn names_the_bearer(&self) -> bool {
        matches!(self.code, 303..=305 | 370)
    }
}

fn kept(octets: &[u8]) -> String {
    String::from_utf8_lossy(&octets[..octets.len().min(MOST_OCTETS)]).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_code_agent_and_text() {
        let warning = Warning::parse(b" 304 gw.example:5060 \"Media type not available\"").unwrap();
        assert_eq!((warning.code, warning.agent.as_str()), (304, "gw.example:5060"));
        assert_eq!(
            (warning.text.as_str(), warning.meaning()),
            ("Media type not available", "media type not available")
        );
        let bare = Warning::parse(b"399").unwrap();
        assert_eq!((bare.code, bare.agent.as_str(), bare.text.as_str()), (399, "", ""));
        assert_eq!(bare.meaning(), "miscellaneous");
    }

    #[test]
    fn what_begins_with_no_code_is_none() {
        for value in ["", "30", "3041 a \"b\"", "299 a \"b\"", "400 a \"b\"", "abc a", "30\u{4e2d}"] {
            assert_eq!(Warning::parse(value.as_bytes()), None, "{value}");
        }
    }

    #[test]
    fn every_code_worth_keeping_has_a_meaning() {
        for code in [300, 301, 302, 303, 304, 305, 306, 307, 330, 331, 370, 380, 399] {
            let warning = Warning::parse(format!("{code} a \"b\"").as_bytes()).unwrap();
            assert!(!warning.meaning().is_empty(), "{code}");
            assert_eq!(warning.names_the_bearer(), matches!(code, 303 | 304 | 305 | 370));
        }
    }
}
