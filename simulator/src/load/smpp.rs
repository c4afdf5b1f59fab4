//! An ESME that submits.

use codecs::{
    Now,
    session::{Frame, ReplyTo, Session, SubmitError, Ticket},
    smpp::{
        BindMode, Body, COctetString, Credentials, DeliverSmResp, Npi, OctetString, Pdu, RegisteredDelivery,
        Smpp, SubmitSm, Ton, Version,
    },
};

use super::{Load, Sender};
use crate::config::Protocol;

/// An ESME that submits.
pub(super) struct SmppSender {
    version: Version,
    credentials: Credentials,
}

impl Sender for SmppSender {
    type Dialect = Smpp;

    fn new(load: &Load) -> Self {
        Self {
            version: if load.protocol == Protocol::Smpp50 { Version::V50 } else { Version::V34 },
            credentials: Credentials {
                system_id: load.account.clone(),
                password: load.password.clone(),
                ..Credentials::default()
            },
        }
    }

    fn dialect(&self) -> Smpp {
        Smpp::new(BindMode::Transceiver, self.version)
    }

    fn credentials(&self) -> Credentials {
        self.credentials.clone()
    }

    fn submit(
        &self,
        session: &mut Session<Smpp>,
        now: Now,
        ticket: Ticket,
        recipient: &[u8],
    ) -> Result<(), SubmitError> {
        let submit = SubmitSm {
            source_addr_ton: Ton::ALPHANUMERIC,
            source_addr: COctetString(b"LOAD"),
            dest_addr_ton: Ton::INTERNATIONAL,
            dest_addr_npi: Npi::ISDN,
            destination_addr: COctetString(recipient),
            registered_delivery: RegisteredDelivery::RECEIPT,
            short_message: OctetString(b"Your code is 123456. It is valid for ten minutes."),
            ..SubmitSm::default()
        };
        session.submit(now, ticket, &Pdu::from(Body::SubmitSm(submit))).map(|_| ())
    }

    fn status(&self, _: &Smpp, response: &Frame<Smpp>) -> u32 {
        response.header.command_status.0
    }

    fn acknowledge(&self, session: &mut Session<Smpp>, now: Now, reply: ReplyTo, _: &Frame<Smpp>) {
        let response = Body::DeliverSmResp(Some(DeliverSmResp::default()));
        // Only a session that is over takes no answer.
        let _ = session.answer(now, reply, &Pdu::from(response));
    }
}
