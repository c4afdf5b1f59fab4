//! What a strict message centre refuses in a submission that can be read: one status per field.
//!
//! Decoding takes every value, for a reserved one is to be treated as the default or ignored. Whoever wants to be
//! strict, as a test peer does, asks here.

use super::{
    Alphabet, COctetString, DataCoding, EsmClass, MessageType, Npi, RegisteredDelivery, Sm, Status,
    SubmitMulti, Tlvs, Ton, Version,
};
use crate::validity::Validity;

impl Sm<'_> {
    /// Checks the values of a submit_sm by the rules of `version`.
    ///
    /// # Errors
    /// The status that refuses the first field that is wrong.
    pub fn check(&self, version: Version) -> Result<(), Status> {
        address(self.source_addr_ton, self.source_addr_npi, &SOURCE)?;
        address(self.dest_addr_ton, self.dest_addr_npi, &DESTINATION)?;
        refuse_if(self.destination_addr.is_empty(), Status::RINVDSTADR)?;
        Content {
            esm_class: self.esm_class,
            priority_flag: self.priority_flag,
            schedule_delivery_time: self.schedule_delivery_time,
            validity_period: self.validity_period,
            registered_delivery: self.registered_delivery,
            replace_if_present_flag: self.replace_if_present_flag,
            data_coding: self.data_coding,
            sm_default_msg_id: self.sm_default_msg_id,
            sm_length: self.short_message.len(),
            tlvs: self.tlvs,
        }
        .check(version)
    }
}

impl SubmitMulti<'_> {
    /// Checks the values that all destinations share by the rules of `version`. Each destination is left to the
    /// caller, who answers it on its own.
    ///
    /// # Errors
    /// The status that refuses the first field that is wrong.
    pub fn check(&self, version: Version) -> Result<(), Status> {
        address(self.source_addr_ton, self.source_addr_npi, &SOURCE)?;
        let most = if version == Version::V50 { 255 } else { 254 };
        refuse_if(self.dest_address.is_empty() || self.dest_address.len() > most, Status::RINVNUMDESTS)?;
        Content {
            esm_class: self.esm_class,
            priority_flag: self.priority_flag,
            schedule_delivery_time: self.schedule_delivery_time,
            validity_period: self.validity_period,
            registered_delivery: self.registered_delivery,
            replace_if_present_flag: self.replace_if_present_flag,
            data_coding: self.data_coding,
            sm_default_msg_id: self.sm_default_msg_id,
            sm_length: self.short_message.len(),
            tlvs: self.tlvs,
        }
        .check(version)
    }
}

/// The fields that submit_sm and submit_multi share, from esm_class on.
struct Content<'a> {
    esm_class: EsmClass,
    priority_flag: u8,
    schedule_delivery_time: COctetString<'a>,
    validity_period: COctetString<'a>,
    registered_delivery: RegisteredDelivery,
    replace_if_present_flag: u8,
    data_coding: DataCoding,
    sm_default_msg_id: u8,
    sm_length: usize,
    tlvs: Tlvs<'a>,
}

impl Content<'_> {
    fn check(&self, version: Version) -> Result<(), Status> {
        let is_5_0 = version == Version::V50;
        let reserved_type = matches!(self.esm_class.message_type(), MessageType::Reserved(_));
        refuse_if(reserved_type, Status::RINVESMCLASS)?;
        // With a user data header in the text, the SAR TLVs would say it twice.
        refuse_if(self.esm_class.udhi() && self.tlvs.sar().is_some(), Status::RINVESMCLASS)?;
        refuse_if(self.priority_flag > if is_5_0 { 4 } else { 3 }, Status::RINVPRTFLG)?;
        refuse_if(Validity::parse(&self.schedule_delivery_time).is_err(), Status::RINVSCHED)?;
        refuse_if(Validity::parse(&self.validity_period).is_err(), Status::RINVEXPIRY)?;
        let receipt = self.registered_delivery;
        let reserved_bits = receipt.0 & 0xE0 != 0 || (!is_5_0 && receipt.0 & 0x03 == 0x03);
        refuse_if(reserved_bits, Status::RINVREGDLVFLG)?;
        refuse_if(self.replace_if_present_flag > 1, Status::RINVREPFLAG)?;
        // 3.4 has no status for it.
        let bad_coding = if is_5_0 { Status::RINVDCS } else { Status::RSYSERR };
        refuse_if(self.data_coding.alphabet() == Alphabet::Reserved, bad_coding)?;
        refuse_if(!is_5_0 && self.sm_default_msg_id == 255, Status::RINVDFTMSGID)?;
        refuse_if(!is_5_0 && self.sm_length > 254, Status::RINVMSGLEN)?;
        let both =
            self.sm_length > 0 && self.tlvs.message_payload().is_some_and(|payload| !payload.is_empty());
        refuse_if(both && !is_5_0, Status::RINVMSGLEN)?;
        self.tlvs.check().map_err(|_| Status::RINVTLVLEN)
    }
}

const SOURCE: [Status; 2] = [Status::RINVSRCTON, Status::RINVSRCNPI];
const DESTINATION: [Status; 2] = [Status::RINVDSTTON, Status::RINVDSTNPI];

fn address(ton: Ton, npi: Npi, [bad_ton, bad_npi]: &[Status; 2]) -> Result<(), Status> {
    refuse_if(ton > Ton::ABBREVIATED, *bad_ton)?;
    refuse_if(!matches!(npi.0, 0 | 1 | 3 | 4 | 6 | 8 | 9 | 10 | 14 | 18), *bad_npi)
}

fn refuse_if(wrong: bool, status: Status) -> Result<(), Status> {
    if wrong { Err(status) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::smpp::{Tag, TlvBuf};

    fn right() -> Sm<'static> {
        Sm { destination_addr: "447700900123".into(), short_message: b"hi".into(), ..Sm::default() }
    }

    #[test]
    fn every_wrong_field_has_its_own_status() {
        let long = [b'a'; 255];
        for (sm, in_3_4, in_5_0) in [
            (right(), None, None),
            (Sm { source_addr_ton: Ton(7), ..right() }, Some(Status::RINVSRCTON), Some(Status::RINVSRCTON)),
            (Sm { source_addr_npi: Npi(2), ..right() }, Some(Status::RINVSRCNPI), Some(Status::RINVSRCNPI)),
            (Sm { dest_addr_ton: Ton(9), ..right() }, Some(Status::RINVDSTTON), Some(Status::RINVDSTTON)),
            (Sm { dest_addr_npi: Npi(19), ..right() }, Some(Status::RINVDSTNPI), Some(Status::RINVDSTNPI)),
            (
                Sm { destination_addr: "".into(), ..right() },
                Some(Status::RINVDSTADR),
                Some(Status::RINVDSTADR),
            ),
            (
                Sm { esm_class: EsmClass(0x24), ..right() },
                Some(Status::RINVESMCLASS),
                Some(Status::RINVESMCLASS),
            ),
            (Sm { priority_flag: 4, ..right() }, Some(Status::RINVPRTFLG), None),
            (Sm { priority_flag: 5, ..right() }, Some(Status::RINVPRTFLG), Some(Status::RINVPRTFLG)),
            (
                Sm { schedule_delivery_time: "tomorrow".into(), ..right() },
                Some(Status::RINVSCHED),
                Some(Status::RINVSCHED),
            ),
            (
                Sm { validity_period: "251322103107000+".into(), ..right() },
                Some(Status::RINVEXPIRY),
                Some(Status::RINVEXPIRY),
            ),
            (Sm { registered_delivery: RegisteredDelivery(3), ..right() }, Some(Status::RINVREGDLVFLG), None),
            (
                Sm { registered_delivery: RegisteredDelivery(0x21), ..right() },
                Some(Status::RINVREGDLVFLG),
                Some(Status::RINVREGDLVFLG),
            ),
            (
                Sm { replace_if_present_flag: 2, ..right() },
                Some(Status::RINVREPFLAG),
                Some(Status::RINVREPFLAG),
            ),
            (Sm { data_coding: DataCoding(0x0B), ..right() }, Some(Status::RSYSERR), Some(Status::RINVDCS)),
            (Sm { sm_default_msg_id: 255, ..right() }, Some(Status::RINVDFTMSGID), None),
            (Sm { short_message: (&long).into(), ..right() }, Some(Status::RINVMSGLEN), None),
        ] {
            assert_eq!(sm.check(Version::V34).err(), in_3_4, "3.4: {sm:?}");
            assert_eq!(sm.check(Version::V50).err(), in_5_0, "5.0: {sm:?}");
        }
    }

    #[test]
    fn tlvs_have_the_length_of_their_tag() {
        let mut tlvs = TlvBuf::new();
        tlvs.put_u8(Tag::USER_MESSAGE_REFERENCE, 1);
        let sm = Sm { tlvs: tlvs.as_tlvs(), ..right() };
        assert_eq!(sm.check(Version::V34), Err(Status::RINVTLVLEN));
        let mut tlvs = TlvBuf::new();
        tlvs.put_u8(Tag(0x1401), 1);
        assert_eq!(Sm { tlvs: tlvs.as_tlvs(), ..right() }.check(Version::V34), Ok(()));
    }
}
