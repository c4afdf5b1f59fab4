//! CMPP in a fuzzed session.

use codecs::cmpp::*;

use crate::Subject;

impl Subject for Cmpp {
    fn side(binds: bool, choice: u8) -> Self {
        let version = Version::ALL[usize::from(choice % 3)];
        if binds { Self::new(version) } else { Self::server(version) }
    }

    fn credentials() -> Credentials {
        Credentials {
            source_addr: b"901234".to_vec(),
            shared_secret: b"s3cr3t!".to_vec(),
            padding: AccountPadding::Plain,
        }
    }

    fn request(choice: u8) -> Pdu<'static> {
        let submit = Submit {
            src_id: b"10690000",
            dest_terminal_id: Recipients::one(b"13800138000"),
            msg_content: b"Hello",
            ..Submit::default()
        };
        match choice % 8 {
            0 => Deliver { msg_content: b"STOP", ..Deliver::default() }.into(),
            1 => Fwd::default().into(),
            2 => Query::default().into(),
            3 => ActiveTest::default().into(),
            4 => Submit { dest_terminal_id: Recipients::default(), ..submit }.into(),
            5 => SubmitResp::default().into(),
            6 => Cancel::default().into(),
            _ => submit.into(),
        }
    }

    fn response(&self, request: &Header, choice: u8) -> Pdu<'static> {
        let result = u32::from(choice);
        match request.command_id {
            command::SUBMIT => SubmitResp { result, ..SubmitResp::default() }.into(),
            command::DELIVER => DeliverResp { result, ..DeliverResp::default() }.into(),
            command::QUERY => QueryResp::default().into(),
            command::CANCEL => CancelResp::default().into(),
            _ => FwdResp { result, ..FwdResp::default() }.into(),
        }
    }

    fn answer_to(unit: &[u8], status: u8) -> Option<Vec<u8>> {
        let header = Header::decode(unit).ok()?;
        if header.command_id & command::RESPONSE != 0 {
            return None;
        }
        let mut answer = unit[..Header::SIZE].to_vec();
        answer[4] |= 0x80;
        match header.command_id {
            command::CONNECT => {
                let wide: &[u8] = if unit.get(34) == Some(&0x30) { &[0, 0, 0] } else { &[] };
                answer.extend_from_slice(wide);
                answer.push(status);
                answer.extend_from_slice(&[0; 16]);
                answer.push(0x30);
            }
            command::TERMINATE => {}
            _ => answer.extend_from_slice(&[0, 0, 0, 0, 0, 0, 0, 1, status]),
        }
        Some(answer)
    }
}
