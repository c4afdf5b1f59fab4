//! An SP that submits.

use codecs::{
    Now,
    cmpp::{
        AccountPadding, Cmpp, Credentials, Deliver, DeliverResp, Pdu, Recipients, Submit, SubmitResp, Version,
    },
    session::{Frame, Refusal, ReplyTo, Session, SubmitError, Ticket},
};

use super::{Load, Sender};
use crate::config::Protocol;

/// An SP that submits.
pub(super) struct CmppSender {
    version: Version,
    credentials: Credentials,
}

impl Sender for CmppSender {
    type Dialect = Cmpp;

    fn new(load: &Load) -> Self {
        Self {
            version: match load.protocol {
                Protocol::Cmpp20 => Version::V20,
                Protocol::Cmpp21 => Version::V21,
                Protocol::Cmpp30 | Protocol::Smpp33 | Protocol::Smpp34 | Protocol::Smpp50 => Version::V30,
            },
            credentials: Credentials {
                source_addr: load.account.clone().into_bytes(),
                shared_secret: load.password.clone().into_bytes(),
                padding: AccountPadding::default(),
            },
        }
    }

    fn dialect(&self) -> Cmpp {
        Cmpp::new(self.version)
    }

    fn credentials(&self) -> Credentials {
        self.credentials.clone()
    }

    fn submit(
        &self,
        session: &mut Session<Cmpp>,
        now: Now,
        ticket: Ticket,
        recipient: &[u8],
    ) -> Result<(), SubmitError> {
        let submit = Submit {
            pk_total: 1,
            pk_number: 1,
            registered_delivery: 1,
            msg_src: &self.credentials.source_addr,
            fee_type: b"01",
            src_id: b"10690000",
            dest_terminal_id: Recipients::one(recipient),
            msg_content: b"Your code is 123456. It is valid for ten minutes.",
            ..Submit::default()
        };
        session.submit(now, ticket, &Pdu::Submit(submit)).map(|_| ())
    }

    fn status(&self, dialect: &Cmpp, response: &Frame<Cmpp>) -> u32 {
        SubmitResp::decode(&response.octets, dialect.version()).map_or(u32::MAX, |response| response.result)
    }

    fn acknowledge(&self, session: &mut Session<Cmpp>, now: Now, reply: ReplyTo, frame: &Frame<Cmpp>) {
        match Deliver::decode(&frame.octets, session.dialect().version()) {
            Ok(deliver) => {
                let response = DeliverResp { msg_id: deliver.msg_id, result: 0 };
                // Only a session that is over takes no answer.
                let _ = session.answer(now, reply, &Pdu::DeliverResp(response));
            }
            Err(error) => session.refuse(now, reply, Refusal::Malformed(error)),
        }
    }
}
