//! Offers and answers of our own, for whoever owns media: an announcer, a simulated carrier.

use std::net::IpAddr;

use bytes::Bytes;
use thiserror::Error;

use super::{Codec, Direction, Media, Sdp, write::Writer};

/// A codec that we have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ability {
    /// The payload type in our own offers; in answers the offer's counts.
    pub payload: u8,
    /// The name.
    pub name: &'static str,
    /// The clock, hertz.
    pub clock: u32,
    /// Format parameters; in answers, if there are none here, the offer's are repeated.
    pub parameters: Option<&'static str>,
}

impl Ability {
    /// G.711 A-law.
    pub const PCMA: Self = Self { payload: 8, name: "PCMA", clock: 8000, parameters: None };
    /// G.711 µ-law.
    pub const PCMU: Self = Self { payload: 0, name: "PCMU", clock: 8000, parameters: None };
    /// G.729 without Annex B, whose absence must be said.
    pub const G729: Self = Self { payload: 18, name: "G729", clock: 8000, parameters: Some("annexb=no") };
    /// Digits as telephone events.
    pub const TELEPHONE_EVENT: Self =
        Self { payload: 101, name: "telephone-event", clock: 8000, parameters: Some("0-15") };

    fn fits(&self, codec: &Codec<'_>) -> bool {
        codec.is(self.name) && codec.clock == self.clock && codec.channels == 1
    }
}

/// Our end of a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Local {
    /// The session's number; the same in all descriptions of a dialog.
    pub id: u64,
    /// The version, one more for each description that differs from the last one.
    pub version: u64,
    /// Where we take media.
    pub address: IpAddr,
    /// The port, not 0.
    pub port: u16,
    /// What we would like to do.
    pub direction: Direction,
    /// The packet time that we like, milliseconds.
    pub packet_time: u32,
}

/// Nothing of the offer can be used: 488.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("no stream of the offer can be used")]
pub struct NotAcceptable;

/// An offer of one audio stream with everything that we have, in our order.
#[must_use]
pub fn offer(abilities: &[Ability], local: &Local) -> Bytes {
    let mut writer = begin(local, b"0 0");
    let formats: Vec<_> = abilities.iter().map(|ability| ability.payload.to_string()).collect();
    writer.line(b'm', format!("audio {} RTP/AVP {}", local.port, formats.join(" ")).as_bytes());
    for ability in abilities {
        write_codec(
            &mut writer,
            ability.payload,
            ability.name,
            ability.clock,
            ability.parameters.map(str::as_bytes),
        );
    }
    end_stream(&mut writer, local.packet_time, local.direction);
    writer.finish()
}

/// The answer to an offer: of its first audio stream that we can use the first codec that we have, in the offer's order and
/// with its numbers, and telephone events of the same clock; every other stream is refused. An offer without streams
/// gets an answer without streams.
///
/// # Errors
/// When no stream of the offer can be used.
pub fn negotiate(offer: &Sdp<'_>, abilities: &[Ability], local: &Local) -> Result<Bytes, NotAcceptable> {
    let usable =
        offer.media().enumerate().find_map(|(index, media)| Some((index, choose(&media, abilities)?)));
    if usable.is_none() && offer.media().len() > 0 {
        return Err(NotAcceptable);
    }
    // RFC 3264 §6: the time of the answer is that of the offer.
    let time =
        offer.session_lines().iter().find(|line| line.kind == b't').map_or(&b"0 0"[..], |line| line.value);
    let mut writer = begin(local, time);
    for (index, media) in offer.media().enumerate() {
        match &usable {
            Some((chosen, codecs)) if *chosen == index => accept(&mut writer, &media, codecs, local),
            _ => {
                _ = writer.closed(media.kind(), media.protocol(), media.formats().next().unwrap_or_default())
            }
        }
    }
    Ok(writer.finish())
}

/// A codec of the offer and ours that fits it.
type Chosen<'a> = (Codec<'a>, Ability);

/// What we take of a stream: a codec, and events beside it.
fn choose<'a>(media: &Media<'a>, abilities: &[Ability]) -> Option<Vec<Chosen<'a>>> {
    let is_voice = media.kind().eq_ignore_ascii_case(b"audio") && media.protocol().starts_with(b"RTP/AVP");
    if !is_voice || media.port().is_none_or(|port| port == 0) {
        return None;
    }
    let ours = |codec: Codec<'a>| Some((codec, *abilities.iter().find(|ability| ability.fits(&codec))?));
    let (voice, ability) =
        media.codecs().filter(|codec| !codec.is_event() && !codec.is("CN")).find_map(ours)?;
    let mut chosen = vec![(voice, ability)];
    chosen
        .extend(media.codecs().filter(|codec| codec.is_event() && codec.clock == voice.clock).find_map(ours));
    Some(chosen)
}

fn accept(writer: &mut Writer, media: &Media<'_>, codecs: &[Chosen<'_>], local: &Local) {
    let formats: Vec<_> = codecs.iter().map(|(codec, _)| codec.payload.to_string()).collect();
    let protocol = String::from_utf8_lossy(media.protocol());
    writer.line(b'm', format!("audio {} {protocol} {}", local.port, formats.join(" ")).as_bytes());
    for (codec, ability) in codecs {
        let parameters = ability.parameters.map(str::as_bytes).or_else(|| media.parameters(codec.payload));
        write_codec(writer, codec.payload, ability.name, ability.clock, parameters);
    }
    let mut offered = media.direction();
    if media.connection().is_some_and(|connection| connection.is_unspecified()) {
        // The old form of hold: there is nowhere to send to.
        offered = Direction::with(offered.sends(), false);
    }
    end_stream(writer, media.packet_time().unwrap_or(local.packet_time), offered.answer(local.direction));
}

fn begin(local: &Local, time: &[u8]) -> Writer {
    let address = format!("IN {} {}", if local.address.is_ipv4() { "IP4" } else { "IP6" }, local.address);
    let mut writer = Writer::new();
    writer.line(b'o', format!("- {} {} {address}", local.id >> 1, local.version).as_bytes());
    writer.line(b's', b"-").line(b'c', address.as_bytes()).line(b't', time);
    writer
}

fn write_codec(writer: &mut Writer, payload: u8, name: &str, clock: u32, parameters: Option<&[u8]>) {
    writer.line(b'a', format!("rtpmap:{payload} {name}/{clock}").as_bytes());
    if let Some(parameters) = parameters {
        writer.line(b'a', &[format!("fmtp:{payload}").as_bytes(), parameters].join(&b' '));
    }
}

fn end_stream(writer: &mut Writer, packet_time: u32, direction: Direction) {
    writer.line(b'a', format!("ptime:{packet_time}").as_bytes()).line(b'a', direction.name().as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    const ABILITIES: &[Ability] = &[Ability::PCMA, Ability::PCMU, Ability::TELEPHONE_EVENT];

    fn local() -> Local {
        let address = "198.51.100.7".parse().unwrap();
        Local { id: 84, version: 1, address, port: 30000, direction: Direction::SendRecv, packet_time: 20 }
    }

    fn answer(offer: &str) -> Result<String, NotAcceptable> {
        let answer = negotiate(&Sdp::parse(offer.as_bytes()).unwrap(), ABILITIES, &local())?;
        Ok(String::from_utf8(answer.to_vec()).unwrap())
    }

    #[test]
    fn an_offer_says_all_that_we_have() {
        let written = offer(ABILITIES, &local());
        assert_eq!(
            std::str::from_utf8(&written).unwrap(),
            "v=0\r\no=- 42 1 IN IP4 198.51.100.7\r\ns=-\r\nc=IN IP4 198.51.100.7\r\nt=0 0\r\n\
             m=audio 30000 RTP/AVP 8 0 101\r\na=rtpmap:8 PCMA/8000\r\na=rtpmap:0 PCMU/8000\r\n\
             a=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\na=ptime:20\r\na=sendrecv\r\n"
        );
        // Whoever has the same abilities takes it, in its order.
        let taken = negotiate(&Sdp::parse(&written).unwrap(), ABILITIES, &local()).unwrap();
        let taken = Sdp::parse(&taken).unwrap();
        let audio = taken.media().next().unwrap();
        assert_eq!(audio.formats().collect::<Vec<_>>(), [&b"8"[..], b"101"]);
    }

    #[test]
    fn an_answer_keeps_the_offers_order_and_numbers() {
        let answer = answer(
            "v=0\nc=IN IP4 192.0.2.1\nt=3 4\nm=audio 4000 RTP/AVP 18 96 8 13 97 98\na=rtpmap:96 pcmu/8000\n\
             a=rtpmap:97 telephone-event/16000\na=rtpmap:98 telephone-event/8000\na=ptime:30\nm=video 4002 RTP/AVP 31\n",
        )
        .unwrap();
        let from = answer.find("t=").unwrap();
        assert_eq!(
            &answer[from..],
            "t=3 4\r\nm=audio 30000 RTP/AVP 96 98\r\na=rtpmap:96 PCMU/8000\r\na=rtpmap:98 telephone-event/8000\r\n\
             a=fmtp:98 0-15\r\na=ptime:30\r\na=sendrecv\r\nm=video 0 RTP/AVP 31\r\n"
        );
    }

    #[test]
    fn the_direction_of_an_answer_follows_the_offer() {
        for (line, wanted) in [
            ("a=sendrecv", "a=sendrecv"),
            ("a=sendonly", "a=recvonly"),
            ("a=recvonly", "a=sendonly"),
            ("a=inactive", "a=inactive"),
            ("c=IN IP4 0.0.0.0", "a=recvonly"),
        ] {
            let answer =
                answer(&format!("v=0\nc=IN IP4 192.0.2.1\nm=audio 4000 RTP/AVP 8\n{line}\n")).unwrap();
            assert!(answer.ends_with(&format!("{wanted}\r\n")), "{line}: {answer}");
            assert!(!answer.contains("0.0.0.0"));
        }
    }

    #[test]
    fn parameters_that_we_do_not_set_are_repeated() {
        const AMR: Ability = Ability { payload: 96, name: "AMR", clock: 8000, parameters: None };
        let offer =
            "v=0\nm=audio 4000 RTP/AVP 102\na=rtpmap:102 AMR/8000\na=fmtp:102 octet-align=1;mode-set=7\n";
        let answer = negotiate(&Sdp::parse(offer.as_bytes()).unwrap(), &[AMR], &local()).unwrap();
        let answer = Sdp::parse(&answer).unwrap();
        assert_eq!(answer.media().next().unwrap().parameters(102), Some(&b"octet-align=1;mode-set=7"[..]));
    }

    #[test]
    fn an_offer_of_nothing_that_we_have_is_not_acceptable() {
        for media in [
            "m=audio 4000 RTP/AVP 18\n",
            "m=audio 0 RTP/AVP 8\n",
            "m=audio x RTP/AVP 8\n",
            "m=audio 4000 RTP/SAVP 8\n",
            "m=video 4000 RTP/AVP 8\n",
            "m=audio 4000 RTP/AVP 101 13\na=rtpmap:101 telephone-event/8000\n",
            "m=audio\n",
        ] {
            assert_eq!(answer(&format!("v=0\n{media}")), Err(NotAcceptable), "{media}");
        }
        assert!(!answer("v=0\n").unwrap().contains("m="));
    }

    #[test]
    fn a_stream_that_cannot_be_read_is_refused_in_its_place() {
        for broken in ["m=", "m= ", "m=\0 1", "m=\r5 RTP/AVP", "m=audio", "m=audio 5"] {
            let answer = answer(&format!("v=0\n{broken}\nm=audio 2 RTP/AVP 8\n")).unwrap();
            let sdp = Sdp::parse(answer.as_bytes()).unwrap();
            let ports: Vec<_> = sdp.media().map(|media| media.port()).collect();
            assert_eq!(ports, [Some(0), Some(30000)], "{broken:?}");
        }
    }

    #[test]
    fn only_the_first_stream_that_can_be_used_is_taken() {
        let answer = answer("v=0\nm=audio 1 RTP/SAVP 8\nm=audio 2 RTP/AVP 8\nm=audio 3 RTP/AVP 8\n").unwrap();
        let ports: Vec<_> = answer.lines().filter(|line| line.starts_with("m=")).collect();
        assert_eq!(ports, ["m=audio 0 RTP/SAVP 8", "m=audio 30000 RTP/AVP 8", "m=audio 0 RTP/AVP 8"]);
    }
}
