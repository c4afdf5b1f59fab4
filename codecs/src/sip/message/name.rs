//! The names of headers.

use std::fmt;

macro_rules! names {
    ($($name:ident = $text:literal $(, $compact:literal)?;)*) => {
        /// A header's name. Compared without case; a compact form is the same name.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[repr(u8)]
        pub enum Name {
            $(#[doc = concat!("`", $text, "`")] $name,)*
            /// Any other; the message has its octets.
            Other,
        }

        /// Every name but [`Name::Other`], with what is written for it, in the order of the enumeration.
        const NAMES: &[(Name, &str)] = &[$((Name::$name, concat!($text, ": ")),)*];

        impl Name {
            /// The name that one letter stands for.
            fn of_compact(letter: u8) -> Self {
                match letter.to_ascii_lowercase() {
                    $($($compact => Self::$name,)?)*
                    _ => Self::Other,
                }
            }

            /// The letter that stands for the name, if there is one.
            #[must_use]
            pub fn compact(self) -> Option<u8> {
                match self {
                    $($(Self::$name => Some($compact),)?)*
                    _ => None,
                }
            }
        }
    };
}

names! {
    Accept = "Accept";
    AcceptContact = "Accept-Contact", b'a';
    AcceptEncoding = "Accept-Encoding";
    AcceptLanguage = "Accept-Language";
    AlertInfo = "Alert-Info";
    Allow = "Allow";
    AllowEvents = "Allow-Events", b'u';
    AuthenticationInfo = "Authentication-Info";
    Authorization = "Authorization";
    CallId = "Call-ID", b'i';
    CallInfo = "Call-Info";
    Contact = "Contact", b'm';
    ContentDisposition = "Content-Disposition";
    ContentEncoding = "Content-Encoding", b'e';
    ContentLanguage = "Content-Language";
    ContentLength = "Content-Length", b'l';
    ContentType = "Content-Type", b'c';
    CSeq = "CSeq";
    Date = "Date";
    Diversion = "Diversion";
    ErrorInfo = "Error-Info";
    Event = "Event", b'o';
    Expires = "Expires";
    From = "From", b'f';
    HistoryInfo = "History-Info";
    Identity = "Identity", b'y';
    IdentityInfo = "Identity-Info", b'n';
    InReplyTo = "In-Reply-To";
    InfoPackage = "Info-Package";
    MaxForwards = "Max-Forwards";
    MimeVersion = "MIME-Version";
    MinExpires = "Min-Expires";
    MinSe = "Min-SE";
    Organization = "Organization";
    PAccessNetworkInfo = "P-Access-Network-Info";
    PAssertedIdentity = "P-Asserted-Identity";
    PAssociatedUri = "P-Associated-URI";
    PCalledPartyId = "P-Called-Party-ID";
    PChargingFunctionAddresses = "P-Charging-Function-Addresses";
    PChargingVector = "P-Charging-Vector";
    PEarlyMedia = "P-Early-Media";
    PPreferredIdentity = "P-Preferred-Identity";
    PVisitedNetworkId = "P-Visited-Network-ID";
    Path = "Path";
    Priority = "Priority";
    Privacy = "Privacy";
    ProxyAuthenticate = "Proxy-Authenticate";
    ProxyAuthenticationInfo = "Proxy-Authentication-Info";
    ProxyAuthorization = "Proxy-Authorization";
    ProxyRequire = "Proxy-Require";
    RAck = "RAck";
    RSeq = "RSeq";
    Reason = "Reason";
    RecordRoute = "Record-Route";
    RecvInfo = "Recv-Info";
    ReferSub = "Refer-Sub";
    ReferTo = "Refer-To", b'r';
    ReferredBy = "Referred-By", b'b';
    RejectContact = "Reject-Contact", b'j';
    RemotePartyId = "Remote-Party-ID";
    Replaces = "Replaces";
    ReplyTo = "Reply-To";
    RequestDisposition = "Request-Disposition", b'd';
    Require = "Require";
    RetryAfter = "Retry-After";
    Route = "Route";
    Server = "Server";
    ServiceRoute = "Service-Route";
    SessionExpires = "Session-Expires", b'x';
    SipETag = "SIP-ETag";
    SipIfMatch = "SIP-If-Match";
    Subject = "Subject", b's';
    SubscriptionState = "Subscription-State";
    Supported = "Supported", b'k';
    Timestamp = "Timestamp";
    To = "To", b't';
    Unsupported = "Unsupported";
    UserAgent = "User-Agent";
    UserToUser = "User-to-User";
    Via = "Via", b'v';
    Warning = "Warning";
    WwwAuthenticate = "WWW-Authenticate";
}

/// What is written between a name and its value.
pub(crate) const COLON: &str = ": ";

/// Slots of the table by which names are found.
const SLOTS: usize = 512;
/// No name has this slot.
const EMPTY: u8 = u8::MAX;

/// The slot of a name of two octets or more. No two names share one, which [`table`] proves when it is built; a new name
/// may want other factors.
const fn slot(name: &[u8]) -> usize {
    let last = name.len() - 1;
    let (first, middle, end) = (name[0] | 0x20, name[name.len() / 2] | 0x20, name[last] | 0x20);
    (name.len() * 127 + first as usize * 241 + middle as usize * 155 + end as usize * 127) % SLOTS
}

const TABLE: [u8; SLOTS] = table();

const fn table() -> [u8; SLOTS] {
    let mut table = [EMPTY; SLOTS];
    let mut index = 0;
    while index < NAMES.len() {
        let (name, _) = NAMES[index].1.as_bytes().split_at(NAMES[index].1.len() - COLON.len());
        let slot = slot(name);
        assert!(table[slot] == EMPTY, "two names share a slot");
        table[slot] = index as u8;
        index += 1;
    }
    table
}

impl Name {
    /// The name that these octets spell, in any case, long or compact.
    #[must_use]
    #[inline]
    pub fn of(octets: &[u8]) -> Self {
        match octets {
            [] => return Self::Other,
            [letter] => return Self::of_compact(*letter),
            _ => {}
        }
        let Some((name, prefix)) = NAMES.get(usize::from(TABLE[slot(octets)])) else { return Self::Other };
        let text = &prefix.as_bytes()[..prefix.len() - COLON.len()];
        // Most write a name as we do.
        if text == octets || text.eq_ignore_ascii_case(octets) { *name } else { Self::Other }
    }

    /// The long form as it is written; empty for [`Name::Other`].
    #[must_use]
    pub fn text(self) -> &'static str {
        self.prefix().strip_suffix(COLON).unwrap_or_default()
    }

    /// The long form, the colon and the space.
    #[inline]
    pub(crate) fn prefix(self) -> &'static str {
        NAMES.get(self as usize).map_or("", |(_, text)| text)
    }

    /// Says whether commas separate values of this header, on one line or on several.
    #[must_use]
    pub fn is_list(self) -> bool {
        matches!(
            self,
            Self::Accept
                | Self::AcceptContact
                | Self::AcceptEncoding
                | Self::AcceptLanguage
                | Self::AlertInfo
                | Self::Allow
                | Self::AllowEvents
                | Self::CallInfo
                | Self::Contact
                | Self::ContentEncoding
                | Self::ContentLanguage
                | Self::Diversion
                | Self::ErrorInfo
                | Self::HistoryInfo
                | Self::InReplyTo
                | Self::PAssertedIdentity
                | Self::PAssociatedUri
                | Self::PEarlyMedia
                | Self::PPreferredIdentity
                | Self::PVisitedNetworkId
                | Self::Path
                | Self::ProxyRequire
                | Self::Reason
                | Self::RecordRoute
                | Self::RecvInfo
                | Self::RejectContact
                | Self::RemotePartyId
                | Self::RequestDisposition
                | Self::Require
                | Self::Route
                | Self::ServiceRoute
                | Self::Supported
                | Self::Unsupported
                | Self::UserToUser
                | Self::Via
                | Self::Warning
        )
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if *self == Self::Other { "a header" } else { self.text() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_found_in_any_case_and_by_its_letter() {
        for (index, (name, _)) in NAMES.iter().enumerate() {
            assert_eq!(*name as usize, index);
            let text = name.text();
            assert_eq!(Name::of(text.as_bytes()), *name);
            assert_eq!(Name::of(text.to_ascii_uppercase().as_bytes()), *name);
            assert_eq!(Name::of(text.to_ascii_lowercase().as_bytes()), *name);
            if let Some(letter) = name.compact() {
                assert_eq!(Name::of(&[letter]), *name);
                assert_eq!(Name::of(&[letter.to_ascii_uppercase()]), *name);
            }
        }
    }

    #[test]
    fn other_names_are_none_of_ours() {
        for other in ["", "X-Via", "Vib", "Vi", "C%6Fntact", "Content_Length", "z", "\u{e9}"] {
            assert_eq!(Name::of(other.as_bytes()), Name::Other, "{other}");
        }
        assert_eq!(Name::Other.text(), "");
    }

    #[test]
    fn the_letters_are_those_of_the_registry() {
        let letters: String = NAMES.iter().filter_map(|(name, _)| name.compact()).map(char::from).collect();
        let mut letters: Vec<char> = letters.chars().collect();
        letters.sort_unstable();
        assert_eq!(letters.iter().collect::<String>(), "abcdefijklmnorstuvxy");
    }
}
