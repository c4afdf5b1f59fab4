//! Type of number and numbering plan.

macro_rules! octet_values {
    ($(#[$doc:meta])* $name:ident { $($(#[$value_doc:meta])* $constant:ident = $value:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[cfg_attr(feature = "serde", derive(serde::Serialize), serde(transparent))]
        pub struct $name(pub u8);

        impl $name {
            $($(#[$value_doc])* pub const $constant: Self = Self($value);)+
        }
    };
}
pub(super) use octet_values;

octet_values! {
    /// Type of number. Message centres rewrite it freely: ignore it when comparing addresses.
    Ton {
        /// The message centre looks at the digits.
        UNKNOWN = 0,
        /// Starts with the country code, without `+` and `00`.
        INTERNATIONAL = 1,
        /// Without country code and trunk prefix.
        NATIONAL = 2,
        /// Short codes at many carriers.
        NETWORK_SPECIFIC = 3,
        /// Subscriber number.
        SUBSCRIBER = 4,
        /// A name; at most 11 characters on GSM.
        ALPHANUMERIC = 5,
        /// Short codes at some carriers.
        ABBREVIATED = 6,
    }
}

octet_values! {
    /// Numbering plan indicator.
    Npi {
        /// Unknown.
        UNKNOWN = 0,
        /// ISDN, telephone (E.164).
        ISDN = 1,
        /// Data (X.121).
        DATA = 3,
        /// Telex (F.69).
        TELEX = 4,
        /// Land mobile (E.212).
        LAND_MOBILE = 6,
        /// National.
        NATIONAL = 8,
        /// Private.
        PRIVATE = 9,
        /// ERMES.
        ERMES = 10,
        /// Internet (IP).
        INTERNET = 14,
        /// WAP client id.
        WAP = 18,
    }
}
