//! SMPP in a fuzzed session.

use codecs::smpp::*;

use crate::Subject;

impl Subject for Smpp {
    fn side(binds: bool, choice: u8) -> Self {
        let version = [Version::V34, Version::V50, Version::V33][usize::from(choice / 3 % 3)];
        let mode =
            [BindMode::Transceiver, BindMode::Transmitter, BindMode::Receiver][usize::from(choice % 3)];
        if binds { Self::new(mode, version) } else { Self::server("SMSC1", version) }
    }

    fn credentials() -> Credentials {
        Credentials { system_id: "esme01".into(), password: "pa55word".into(), ..Credentials::default() }
    }

    fn request(choice: u8) -> Pdu<'static> {
        let sm = Sm {
            source_addr: "ACME".into(),
            destination_addr: "447700900123".into(),
            short_message: "Hello".into(),
            ..Sm::default()
        };
        Pdu::from(match choice % 8 {
            0 => Body::DeliverSm(sm),
            1 => Body::DataSm(DataSm::default()),
            2 => Body::QuerySm(QuerySm::default()),
            3 => Body::EnquireLink(HeaderOnly::default()),
            4 => Body::SubmitSm(Sm { source_addr: "a sender beyond its field".into(), ..sm }),
            5 => Body::SubmitSmResp(None),
            _ => Body::SubmitSm(sm),
        })
    }

    fn response(&self, request: &Header, choice: u8) -> Pdu<'static> {
        let resp = MessageIdResp { message_id: "3F2A9C01".into(), ..MessageIdResp::default() };
        let body = match (choice % 4, request.command_id) {
            (0, CommandId::SUBMIT_SM) => Some(Body::SubmitSmResp(Some(resp))),
            (0, CommandId::DELIVER_SM) => Some(Body::DeliverSmResp(Some(MessageIdResp::default()))),
            (1, _) => Some(Body::GenericNack(HeaderOnly::default())),
            (_, command) => Body::bare_response(command.response()),
        };
        let body = body.unwrap_or(Body::GenericNack(HeaderOnly::default()));
        Pdu { status: Status(u32::from(choice / 4)), body }
    }

    fn answer_to(unit: &[u8], status: u8) -> Option<Vec<u8>> {
        let header = Header::decode(unit).ok()?;
        if header.command_id.is_response() {
            return None;
        }
        let body: &[u8] = match header.command_id {
            CommandId::BIND_TRANSMITTER | CommandId::BIND_RECEIVER | CommandId::BIND_TRANSCEIVER => {
                b"SMSC1\0\x02\x10\0\x01\x34"
            }
            CommandId::SUBMIT_SM | CommandId::DATA_SM => b"3F2A9C01\0",
            CommandId::DELIVER_SM => b"\0",
            _ => b"",
        };
        let mut answer = unit[..Header::SIZE].to_vec();
        answer[4..8].copy_from_slice(&header.command_id.response().0.to_be_bytes());
        answer[8..12].copy_from_slice(&u32::from(status).to_be_bytes());
        answer.extend_from_slice(body);
        Some(answer)
    }
}
