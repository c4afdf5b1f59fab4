//! The worked call of the SIP reference, message by message: an INVITE, its challenge, a reliable provisional response,
//! the answer, a refresh and the end.
#![allow(dead_code, reason = "each test uses some of them")]

macro_rules! examples {
    ($($name:ident = $file:literal, $octets:literal;)*) => {
        $(pub const $name: &[u8] = include_bytes!(concat!("sip_messages/", $file));)*
        /// All of them, with how many octets the reference says that each has.
        pub const EXAMPLES: &[(&str, &[u8], usize)] = &[$((stringify!($name), $name, $octets),)*];
    };
}

examples! {
    INVITE = "01_invite.sip", 689;
    CHALLENGE = "02_challenge.sip", 390;
    ACK_407 = "03_ack_407.sip", 301;
    INVITE_AGAIN = "04_invite_again.sip", 929;
    RELIABLE_183 = "05_reliable_183.sip", 683;
    PRACK = "06_prack.sip", 604;
    ANSWER = "07_answer.sip", 465;
    ACK_200 = "08_ack_200.sip", 578;
    UPDATE = "09_update.sip", 444;
    BYE = "10_bye.sip", 381;
}
