//! The words that habits are written in, defined once for everybody who reads them.

use codecs::text::Charset;
use serde::Deserialize;

/// An enum whose values are words of a file.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $word:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize)]
        pub enum $name {
            $($(#[$variant_doc])* #[serde(rename = $word)] $variant),+
        }

        impl $name {
            /// All of them, the usual one first.
            pub const ALL: [Self; [$($word),+].len()] = [$(Self::$variant),+];

            /// Its word in files, metrics and sentences.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $word),+
                }
            }
        }
    };
}

words! {
    /// A protocol with its highest version.
    Protocol {
        /// SMPP 3.3.
        Smpp33 = "smpp33",
        /// SMPP 3.4.
        Smpp34 = "smpp34",
        /// SMPP 5.0.
        Smpp50 = "smpp50",
        /// CMPP 2.0.
        Cmpp20 = "cmpp20",
        /// CMPP 2.1.
        Cmpp21 = "cmpp21",
        /// CMPP 3.0.
        Cmpp30 = "cmpp30",
        /// SIP 2.0: a trunk for calls.
        Sip = "sip",
    }
}

words! {
    /// How the carrier ids of answers and of reports are made equal.
    CarrierIdForm {
        /// They are equal.
        Plain = "plain",
        /// Case and leading zeros do not count.
        Folded = "folded",
        /// Answers are hexadecimal, reports decimal.
        HexInAnswers = "hex-in-answers",
        /// Answers are decimal, reports hexadecimal.
        HexInReports = "hex-in-reports",
    }
}

words! {
    /// How SMPP links bind.
    BindMode {
        /// Both ways on one link.
        Transceiver = "transceiver",
        /// Half of the links (rounded up) submit, the others receive.
        Pair = "pair",
    }
}

words! {
    /// How long texts travel over SMPP.
    LongMessages {
        /// A user data header in front of each part.
        Udh = "udh",
        /// The three sar_ TLVs on each part.
        Sar = "sar",
        /// One submit_sm with message_payload.
        Payload = "payload",
    }
}

words! {
    /// How a submit says until when its message is worth sending.
    ValidityForm {
        /// As a period from now.
        Relative = "relative",
        /// As a point in time on the carrier's clock.
        Absolute = "absolute",
        /// Not at all: the carrier's own time holds.
        None = "none",
    }
}

words! {
    /// Where an SMPP receipt says the message's id and its state.
    ReceiptForm {
        /// In TLVs and in the text.
        Both = "both",
        /// In the text.
        Text = "text",
        /// In receipted_message_id and message_state.
        Tlv = "tlv",
    }
}

words! {
    /// What SMPP's data_coding 0 means.
    DefaultCharset {
        /// GSM 7-bit, one septet in each octet.
        Gsm7 = "gsm7",
        /// ISO 8859-1.
        Latin1 = "latin1",
        /// ASCII.
        Ascii = "ascii",
        /// GBK.
        Gbk = "gbk",
    }
}

impl DefaultCharset {
    /// The charset.
    #[must_use]
    pub fn charset(self) -> Charset {
        match self {
            Self::Gsm7 => Charset::Gsm7,
            Self::Latin1 => Charset::Latin1,
            Self::Ascii => Charset::Ascii,
            Self::Gbk => Charset::Gbk,
        }
    }
}

words! {
    /// What CMPP writes texts in.
    CmppCharset {
        /// Msg_Fmt 0.
        Ascii = "ascii",
        /// Msg_Fmt 8.
        Ucs2 = "ucs2",
        /// Msg_Fmt 15, characters of two octets.
        Gbk = "gbk",
        /// Msg_Fmt 15, characters of four octets too.
        Gb18030 = "gb18030",
    }
}

impl CmppCharset {
    /// The charset.
    #[must_use]
    pub fn charset(self) -> Charset {
        match self {
            Self::Ascii => Charset::Ascii,
            Self::Ucs2 => Charset::Ucs2,
            Self::Gbk => Charset::Gbk,
            Self::Gb18030 => Charset::Gb18030,
        }
    }
}

words! {
    /// Which words a receipt's text has for states.
    StateWords {
        /// Of seven letters, as in the protocol's example: `DELIVRD`.
        Short = "short",
        /// In full: `DELIVERED`.
        Long = "long",
    }
}

words! {
    /// Which fields the text of a receipt has.
    ReceiptFields {
        /// All of the protocol's example.
        All = "all",
        /// Neither `sub` nor `dlvrd`, and no `text`.
        Few = "few",
    }
}

words! {
    /// How a carrier spells ids that are the same everywhere.
    IdSpelling {
        /// Decimal.
        Decimal = "decimal",
        /// Upper-case hexadecimal.
        Hex = "hex",
    }
}

words! {
    /// A place in a call's messages that holds a number.
    CallHeader {
        /// Request-URI.
        RequestUri = "request-uri",
        /// To.
        To = "to",
        /// From.
        From = "from",
        /// P-Asserted-Identity and P-Preferred-Identity.
        Identity = "p-asserted-identity",
        /// Diversion.
        Diversion = "diversion",
        /// The user of Contact.
        Contact = "contact",
    }
}

words! {
    /// Whose number a header of a call says.
    WhoseNumber {
        /// The number that is shown, which is the caller's unless the request names another.
        Shown = "shown",
        /// The caller's, which the call is charged to.
        Caller = "caller",
        /// The account's own user.
        Account = "account",
        /// None: the header is left out.
        None = "none",
    }
}

words! {
    /// How numbers are written in URIs.
    NumberScheme {
        /// `sip:+8613800138000@carrier.example.com`.
        Sip = "sip",
        /// `tel:+8613800138000`.
        Tel = "tel",
    }
}

words! {
    /// What becomes of media that comes before the answer.
    EarlyMedia {
        /// It is told, with its description.
        Tell = "tell",
        /// It is taken for ringing.
        Ringing = "ringing",
    }
}

words! {
    /// How provisional responses are made reliable (RFC 3262).
    ReliableProvisional {
        /// Where the other side wants it.
        Supported = "supported",
        /// Always, or the call fails.
        Required = "required",
        /// Never.
        Off = "off",
    }
}

words! {
    /// Whether a session's liveness is watched (RFC 4028).
    SessionTimerUse {
        /// We ask for it.
        Offer = "offer",
        /// Where the carrier asks for it.
        Accept = "accept",
    }
}
