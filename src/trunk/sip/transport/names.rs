//! Which name a carrier's certificate bears (RFC 5922 §7.1): in subjectAltName as `DNS:name` or as `URI:sip:name`, and in
//! the subject's common name where there is no subjectAltName at all. Wildcards hold for DNS names alone, as ever.

use std::sync::Arc;

use rustls::{
    CertificateError, DigitallySignedStruct, Error, SignatureScheme,
    client::{
        WebPkiServerVerifier,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    },
    pki_types::{CertificateDer, ServerName, UnixTime},
};
use webpki::EndEntityCert;

/// The identifier of subjectAltName, 2.5.29.17, as DER writes it.
const ALTERNATIVE_NAMES: &[u8] = &[0x06, 0x03, 0x55, 0x1d, 0x11];
/// That of the common name, 2.5.4.3.
const COMMON_NAME: &[u8] = &[0x06, 0x03, 0x55, 0x04, 0x03];

/// Believes whom the authorities vouch for, by the names that SIP allows.
#[derive(Debug)]
pub(super) struct SipServers(pub Arc<WebPkiServerVerifier>);

impl ServerCertVerifier for SipServers {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let verified = self.0.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now);
        match verified {
            // The name is looked at last: the chain holds.
            Err(Error::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            )) if bears(end_entity, server_name) => Ok(ServerCertVerified::assertion()),
            verified => verified,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.0.verify_tls12_signature(message, certificate, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.0.verify_tls13_signature(message, certificate, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.supported_verify_schemes()
    }
}

/// Says whether a certificate bears a name in a way that only SIP knows.
fn bears(certificate: &CertificateDer<'_>, name: &ServerName<'_>) -> bool {
    let ServerName::DnsName(name) = name else { return false };
    let name = name.as_ref().as_bytes();
    let Ok(read) = EndEntityCert::try_from(certificate) else { return false };
    let mut uris = read.valid_uri_names();
    uris.any(|uri| domain_of(uri).is_some_and(|domain| domain.as_bytes().eq_ignore_ascii_case(name)))
        || (!contains(certificate, ALTERNATIVE_NAMES)
            && common_name(read.subject()).is_some_and(|common| common.eq_ignore_ascii_case(name)))
}

/// The domain of `sip:domain`. A URI with a user is some user's certificate, not a domain's.
fn domain_of(uri: &str) -> Option<&str> {
    let (scheme, domain) = uri.split_once(':')?;
    (scheme.eq_ignore_ascii_case("sip") && !domain.contains(['@', ':', ';', '?'])).then_some(domain)
}

/// The common name of a subject in DER: a short string behind the identifier.
fn common_name(subject: &[u8]) -> Option<&[u8]> {
    let at = subject.windows(COMMON_NAME.len()).position(|octets| octets == COMMON_NAME)?;
    let [_, length, text @ ..] = &subject[at + COMMON_NAME.len()..] else { return None };
    // Longer ones have their length written otherwise, and are no names of hosts.
    text.get(..usize::from(*length).min(127)).filter(|text| text.len() == usize::from(*length))
}

fn contains(octets: &[u8], wanted: &[u8]) -> bool {
    octets.windows(wanted.len()).any(|part| part == wanted)
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, DnType, KeyPair, SanType};

    use super::*;

    fn certificate(common: &str, names: Vec<SanType>) -> CertificateDer<'static> {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::OrganizationName, "carrier");
        params.distinguished_name.push(DnType::CommonName, common);
        params.subject_alt_names = names;
        params.self_signed(&KeyPair::generate().unwrap()).unwrap().der().clone()
    }

    #[test]
    fn a_name_may_stand_in_a_uri_or_alone_in_the_subject() {
        let uri = |text: &str| SanType::URI(text.try_into().unwrap());
        let dns = |text: &str| SanType::DnsName(text.try_into().unwrap());
        for (common, names, is_borne) in [
            ("x", vec![uri("sip:sbc.example.com")], true),
            ("x", vec![uri("SIP:SBC.example.com"), dns("other.example.com")], true),
            ("sbc.example.com", vec![], true),
            // Whoever has a subjectAltName has all his names there.
            ("sbc.example.com", vec![dns("other.example.com")], false),
            ("sbc.example.com", vec![uri("sip:other.example.com")], false),
            ("x", vec![uri("sip:user@sbc.example.com")], false),
            ("x", vec![uri("https://sbc.example.com")], false),
            ("x", vec![uri("sip:example.com")], false),
            ("xsbc.example.com", vec![], false),
        ] {
            let name = ServerName::try_from("sbc.example.com").unwrap();
            assert_eq!(bears(&certificate(common, names.clone()), &name), is_borne, "{common} {names:?}");
        }
        let address = ServerName::try_from("192.0.2.1").unwrap();
        assert!(!bears(&certificate("192.0.2.1", vec![]), &address));
    }
}
