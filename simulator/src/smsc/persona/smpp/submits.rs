//! submit_sm, data_sm and submit_multi as plain facts.

use codecs::{
    DecodeError,
    error::DecodeErrorKind,
    smpp::{
        Alphabet, COctetString, DataCoding, DataSm, DestAddress, EsmClass, Npi, ReceiptWanted,
        RegisteredDelivery, SubmitMulti, SubmitSm, Tlvs, Ton,
    },
    text::Charset,
};

use crate::{
    behaviour::Wanted,
    smsc::{
        message::{Address, Form, Segment, Short, Submit, Way},
        persona::without_header,
    },
};

/// Reads a submit_sm; `default` is what data_coding 0 means.
pub(super) fn of_submit_sm(sm: SubmitSm<'_>, default: Charset) -> Submit<'_> {
    let (segment, body) = without_header(sm.user_data().0, sm.esm_class.udhi());
    Submit {
        sender: address(sm.source_addr_ton, sm.source_addr_npi, sm.source_addr),
        recipient: address(sm.dest_addr_ton, sm.dest_addr_npi, sm.destination_addr),
        others: Vec::new(),
        body,
        coding: sm.data_coding.0,
        charset: charset(sm.data_coding, default),
        segment: segment.or_else(|| sar(&sm.tlvs)),
        wanted: wanted(sm.registered_delivery),
        service: Short::of(&sm.service_type),
        form: Form {
            way: way(sm.esm_class, &sm.tlvs),
            validity: sm.validity_period.0,
            registered: sm.registered_delivery.0,
            tlvs: vendor_tlvs(&sm.tlvs),
        },
    }
}

/// The same of a data_sm.
pub(super) fn of_data_sm(data: DataSm<'_>, default: Charset) -> Result<Submit<'_>, DecodeError> {
    let (segment, body) = without_header(data.needed_user_data()?.0, data.esm_class.udhi());
    Ok(Submit {
        sender: address(data.source_addr_ton, data.source_addr_npi, data.source_addr),
        recipient: address(data.dest_addr_ton, data.dest_addr_npi, data.destination_addr),
        others: Vec::new(),
        body,
        coding: data.data_coding.0,
        charset: charset(data.data_coding, default),
        segment: segment.or_else(|| sar(&data.tlvs)),
        wanted: wanted(data.registered_delivery),
        service: Short::of(&data.service_type),
        form: Form {
            way: None,
            validity: &[],
            registered: data.registered_delivery.0,
            tlvs: vendor_tlvs(&data.tlvs),
        },
    })
}

/// The same of a submit_multi.
pub(super) fn of_submit_multi(multi: SubmitMulti<'_>, default: Charset) -> Result<Submit<'_>, DecodeError> {
    let mut recipients = multi.dest_address.iter().map(|destination| match destination {
        DestAddress::Sme { dest_addr_ton, dest_addr_npi, destination_addr } => {
            address(dest_addr_ton, dest_addr_npi, destination_addr)
        }
        // There are no lists here; one counts as a number.
        DestAddress::DistributionList { dl_name } => Address::plain(&dl_name),
    });
    let none = DecodeError { field: "number_of_dests", offset: 16, kind: DecodeErrorKind::Value(0) };
    let recipient = recipients.next().ok_or(none)?;
    let octets = multi.tlvs.message_payload().unwrap_or(multi.short_message);
    let (segment, body) = without_header(octets.0, multi.esm_class.udhi());
    Ok(Submit {
        sender: address(multi.source_addr_ton, multi.source_addr_npi, multi.source_addr),
        recipient,
        others: recipients.collect(),
        body,
        coding: multi.data_coding.0,
        charset: charset(multi.data_coding, default),
        segment: segment.or_else(|| sar(&multi.tlvs)),
        wanted: wanted(multi.registered_delivery),
        service: Short::of(&multi.service_type),
        form: Form {
            way: way(multi.esm_class, &multi.tlvs),
            validity: multi.validity_period.0,
            registered: multi.registered_delivery.0,
            tlvs: vendor_tlvs(&multi.tlvs),
        },
    })
}

fn address(ton: Ton, npi: Npi, number: COctetString<'_>) -> Address {
    Address { number: Short::of(&number), ton: ton.0, npi: npi.0 }
}

fn wanted(flags: RegisteredDelivery) -> Wanted {
    match flags.receipt() {
        ReceiptWanted::Never => Wanted::Never,
        ReceiptWanted::Always => Wanted::Always,
        ReceiptWanted::OnFailure => Wanted::OnFailure,
        ReceiptWanted::OnSuccess => Wanted::OnSuccess,
    }
}

fn sar(tlvs: &Tlvs<'_>) -> Option<Segment> {
    let sar = tlvs.sar()?;
    Some(Segment { reference: sar.reference, total: sar.total, part: sar.part })
}

fn way(esm_class: EsmClass, tlvs: &Tlvs<'_>) -> Option<Way> {
    match () {
        () if esm_class.udhi() => Some(Way::Udh),
        () if tlvs.sar().is_some() => Some(Way::Sar),
        () if tlvs.message_payload().is_some() => Some(Way::Payload),
        () => None,
    }
}

fn vendor_tlvs<'a>(tlvs: &Tlvs<'a>) -> Vec<(u16, &'a [u8])> {
    let vendors = tlvs.iter().filter(|tlv| tlv.tag.is_vendor());
    vendors.map(|tlv| (tlv.tag.0, tlv.value.0)).collect()
}

fn charset(coding: DataCoding, default: Charset) -> Option<Charset> {
    match coding.alphabet() {
        Alphabet::Default => Some(default),
        Alphabet::Gsm7 => Some(Charset::Gsm7),
        Alphabet::Ascii => Some(Charset::Ascii),
        Alphabet::Latin1 => Some(Charset::Latin1),
        Alphabet::Cyrillic => Some(Charset::Cyrillic),
        Alphabet::Hebrew => Some(Charset::Hebrew),
        Alphabet::Ucs2 => Some(Charset::Ucs2),
        _ => None,
    }
}
