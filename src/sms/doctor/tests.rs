use super::*;

fn number() -> Number {
    Number::from_carrier(b"13800138000")
}

/// A doctor whose store knows `known`; each id in `reported` is of one report.
fn examined(form: CarrierIdForm, known: &[&str], reported: &[String]) -> Doctor {
    let mut doctor = Doctor::new("north".into(), form, true);
    let now = Instant::now();
    for id in reported {
        let id = CarrierId::from(id.as_str());
        if known.contains(&id.as_str()) {
            doctor.matched(now);
        } else {
            doctor.unmatched(&[id], &number(), now);
        }
    }
    let asked = doctor.questions(now + ASK_AFTER);
    let answer = |asked: &IdQuestion| {
        let is_known = |id: &CarrierId| known.contains(&id.as_str());
        let is_longer = |begun: &&CarrierId| known.iter().any(|id| id.starts_with(begun.as_str()));
        let whole = asked.ids.iter().position(is_known).map(KnownId::Whole);
        whole.or_else(|| asked.beginning.as_ref().filter(is_longer).map(|_| KnownId::Longer))
    };
    let answers: Vec<_> = asked.iter().map(answer).collect();
    doctor.answered(&answers, now);
    doctor
}

fn decimal(ids: &[&str]) -> Vec<String> {
    ids.iter().map(|id| u64::from_str_radix(id, 16).unwrap().to_string()).collect()
}

const HEX: [&str; 6] = ["3F2A9C01", "3F2A9C02", "3F2A9C03", "3F2A9C04", "3F2A9C05", "3F2A9C06"];

#[test]
fn names_the_form_that_would_match_and_the_line_to_change() {
    let doctor = examined(CarrierIdForm::Plain, &HEX, &decimal(&HEX));
    let diagnosis = doctor.diagnosis();
    assert_eq!(diagnosis.verdict(), Verdict::ChangeForm(CarrierIdForm::HexInAnswers));
    assert_eq!(diagnosis.config_line().unwrap(), "carrier_ids = \"hex-in-answers\"");
    assert_eq!(
        diagnosis.words(),
        "6 of the last 6 reports of trunk north match nothing as plain but would match as hex-in-answers: \
         set carrier_ids = \"hex-in-answers\"; it counts for what is sent from then on"
    );
    assert_eq!(diagnosis.samples.len(), SAMPLES);
    let last = &diagnosis.samples[2];
    assert_eq!((last.answered.as_str(), last.reported.as_str()), ("3F****06", "10******62"));
}

#[test]
fn a_report_that_was_only_early_is_no_stranger() {
    let mut doctor = Doctor::new("north".into(), CarrierIdForm::Plain, true);
    let now = Instant::now();
    for _ in 0..6 {
        doctor.unmatched(&["7".into()], &number(), now);
    }
    assert!(doctor.questions(now).is_empty(), "not before the answer may have come");
    assert_eq!(doctor.poll_timeout(), Some(now + ASK_AFTER));
    assert_eq!(doctor.diagnosis().reports, 0);
    assert_eq!(doctor.answered(&[Some(KnownId::Whole(0)); 6], now), []);
    let diagnosis = doctor.poll_diagnosis(now).unwrap();
    assert_eq!((diagnosis.verdict(), diagnosis.matched), (Verdict::Sound, 6));
    assert_eq!((doctor.poll_diagnosis(now), doctor.poll_timeout()), (None, None));
    // What only matches is shown as well, a little later.
    doctor.matched(now);
    doctor.matched(now + SHOW_AFTER);
    assert_eq!((doctor.poll_diagnosis(now), doctor.poll_timeout()), (None, Some(now + SHOW_AFTER)));
    assert_eq!(doctor.poll_diagnosis(now + SHOW_AFTER).unwrap().matched, 8);
}

#[test]
fn strangers_mixtures_and_few_reports_are_told_apart() {
    let strangers: Vec<String> = (0..6).map(|number| format!("x{number}")).collect();
    let doctor = examined(CarrierIdForm::Plain, &HEX, &strangers);
    assert_eq!(doctor.diagnosis().verdict(), Verdict::Strangers);
    let mut mixed: Vec<String> = HEX.iter().map(|id| (*id).to_owned()).collect();
    mixed.extend(decimal(&HEX[..2]));
    let doctor = examined(CarrierIdForm::Plain, &HEX, &mixed);
    assert_eq!(doctor.diagnosis().verdict(), Verdict::Mixed(CarrierIdForm::HexInAnswers));
    assert_eq!(doctor.diagnosis().config_line(), None);
    let doctor = examined(CarrierIdForm::Plain, &HEX, &decimal(&HEX[..4]));
    assert_eq!(doctor.diagnosis().verdict(), Verdict::TooFew);
    let mut cmpp = Doctor::new("north".into(), CarrierIdForm::Plain, false);
    cmpp.unmatched(&["1059757057".into()], &number(), Instant::now());
    assert_eq!(
        cmpp.questions(Instant::now() + ASK_AFTER)[0].ids.len(),
        1,
        "there is no other form to ask about"
    );
}

#[test]
fn ids_that_are_cut_off_are_told_as_such() {
    let whole = ["4101-7f3a-01", "4101-7f3a-02", "4101-7f3a-03", "4101-7f3a-04", "4101-7f3a-05"];
    let cut: Vec<String> = whole.iter().map(|id| id[..11].to_owned()).collect();
    let diagnosis = examined(CarrierIdForm::Plain, &whole, &cut).diagnosis();
    assert_eq!((diagnosis.verdict(), diagnosis.cut, diagnosis.strangers), (Verdict::Cut, 5, 0));
    assert!(diagnosis.words().contains("only the beginning"), "{}", diagnosis.words());
    // What is too short says nothing.
    let short: Vec<String> = whole.iter().map(|id| id[..5].to_owned()).collect();
    let diagnosis = examined(CarrierIdForm::Plain, &whole, &short).diagnosis();
    assert_eq!(diagnosis.verdict(), Verdict::Strangers);
}

#[test]
fn looks_back_on_the_last_reports_alone() {
    let mut doctor = examined(CarrierIdForm::Plain, &HEX, &decimal(&HEX));
    let now = Instant::now();
    for _ in 0..REMEMBERED {
        doctor.unmatched(&["7".into()], &number(), now);
    }
    for _ in 0..REMEMBERED {
        doctor.matched(now);
    }
    let diagnosis = doctor.diagnosis();
    assert_eq!((diagnosis.reports, diagnosis.matched, diagnosis.verdict()), (50, 50, Verdict::Sound));
    assert!(diagnosis.samples.is_empty() && doctor.questions(now + ASK_AFTER).is_empty());
}

#[test]
fn warns_once_in_five_minutes() {
    let mut doctor = examined(CarrierIdForm::Plain, &HEX, &decimal(&HEX));
    let now = Instant::now();
    assert!(doctor.poll_warning(now).unwrap().contains("hex-in-answers"));
    assert_eq!(doctor.poll_warning(now + WARN_EVERY - Duration::from_secs(1)), None);
    assert!(doctor.poll_warning(now + WARN_EVERY).is_some());
    let mut sound = Doctor::new("north".into(), CarrierIdForm::Plain, true);
    (0..9).for_each(|_| sound.matched(now));
    assert_eq!(sound.poll_warning(now), None);
}

#[test]
fn an_id_shows_its_length_and_its_ends() {
    assert_eq!((mask("3F2A9C01"), mask("1234567")), ("3F****01".to_owned(), "*******".to_owned()));
}
