//! Units as a carrier writes them, octet by octet: without the codecs, which are what is tested.

/// The sequence number of what a carrier says out of turn; far above those of the simulator's own requests.
pub const SEQUENCE: u32 = 0x0099_0001;
/// Who sends, in messages from phones here.
pub const PHONE: &str = "8613912345678";
/// What they say.
pub const TEXT: &str = "hello";

fn unit(header: &[u32], body: &[u8]) -> Vec<u8> {
    let length = 4 + 4 * header.len() + body.len();
    let mut octets = u32::try_from(length).expect("a unit").to_be_bytes().to_vec();
    octets.extend(header.iter().flat_map(|field| field.to_be_bytes()));
    octets.extend_from_slice(body);
    octets
}

/// An SMPP PDU with the right command_length.
pub fn smpp(command: u32, status: u32, sequence: u32, body: &[u8]) -> Vec<u8> {
    unit(&[command, status, sequence], body)
}

/// A CMPP packet with the right Total_Length.
pub fn cmpp(command: u32, sequence: u32, body: &[u8]) -> Vec<u8> {
    unit(&[command, sequence], body)
}

/// The fields of a deliver_sm that a row changes.
pub struct DeliverSm {
    pub service_type: &'static [u8],
    pub source: Vec<u8>,
    /// TON and NPI of both addresses.
    pub number_type: [u8; 2],
    /// esm_class, protocol_id, priority_flag.
    pub class: [u8; 3],
    pub registered_delivery: u8,
    /// What sm_length says; `None`: the truth.
    pub sm_length: Option<u8>,
    pub text: &'static [u8],
    /// What follows short_message.
    pub tail: &'static [u8],
}

impl DeliverSm {
    pub fn new() -> Self {
        Self {
            service_type: b"\0",
            source: [PHONE.as_bytes(), b"\0"].concat(),
            number_type: [1, 1],
            class: [0, 0, 0],
            registered_delivery: 0,
            sm_length: None,
            text: TEXT.as_bytes(),
            tail: b"",
        }
    }

    pub fn body(&self) -> Vec<u8> {
        let length = self.sm_length.unwrap_or_else(|| u8::try_from(self.text.len()).expect("a short text"));
        [
            self.service_type,
            &self.number_type,
            &self.source,
            &self.number_type,
            b"10690001\0",
            &self.class,
            // schedule_delivery_time, validity_period; then replace_if_present, data_coding, sm_default_msg_id.
            b"\0\0",
            &[self.registered_delivery],
            b"\0\0\0",
            &[length],
            self.text,
            self.tail,
        ]
        .concat()
    }

    pub fn unit(&self) -> Vec<u8> {
        smpp(0x05, 0, SEQUENCE, &self.body())
    }
}

/// The body of a CMPP_DELIVER of 3.0. `number`: the end of its Msg_Id. `length`: what Msg_Length says; `None`: the truth.
pub fn deliver(number: u8, registered_delivery: u8, length: Option<u8>, content: &[u8]) -> Vec<u8> {
    let padded = |text: &str, octets: usize| [text.as_bytes(), &vec![0; octets - text.len()]].concat();
    let length = length.unwrap_or_else(|| u8::try_from(content.len()).expect("a short text"));
    [
        // Msg_Id.
        &[0x30, 0xb0, 0x70, 0, 0x03, 0xe9, 0, number][..],
        &padded("10690001", 21),
        &padded("TEST", 10),
        // TP_pid, TP_udhi, Msg_Fmt.
        &[0, 0, 0],
        &padded(PHONE, 32),
        // Src_terminal_type.
        &[0, registered_delivery, length],
        content,
        // LinkID.
        &[0; 20],
    ]
    .concat()
}
