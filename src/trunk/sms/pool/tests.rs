use super::*;
use crate::{
    domain::{FailureClass, Message, SegmentPlan, SubmitOutcome, testing},
    trunk::sms::{adapter::Prepared, window::Sign},
};

const LIMIT: usize = 4;

/// A pool without links behind it: what they would be given, and where they would report.
struct Rig {
    pool: Pool,
    mailboxes: Vec<mpsc::Receiver<Vec<Outbound>>>,
    limits: Vec<watch::Receiver<usize>>,
    reports: mpsc::Sender<LinkReport>,
    ticket: u64,
}

impl Rig {
    /// All links are bound.
    async fn new(links: u32) -> Self {
        let (reports, reported) = mpsc::channel(64);
        let (mut mailboxes, mut limits) = (Vec::new(), Vec::new());
        let links = (0..links).map(|_| {
            let (mailbox, work) = mpsc::channel(LIMIT);
            let (limit, held_to) = watch::channel(LIMIT);
            mailboxes.push(work);
            limits.push(held_to);
            LinkHandle {
                mailbox,
                wish: watch::Sender::new(Wish::Bound),
                rests: false,
                task: tokio::spawn(async {}),
                bind_mode: "transceiver",
                submits: false,
                remote: String::new(),
                bound_since: None,
                in_flight: 0,
                window: Window::new(LIMIT),
                limit,
                heard_at: clock::now().mono,
                round_trip: None,
                last_error: None,
                needs_a_person: false,
            }
        });
        let links: Vec<_> = links.collect();
        let wanted = Wanted::all(links.len());
        let pool = Pool {
            links,
            reports: reported,
            control: LinkControl::new(Vec::new()),
            limit: LIMIT,
            wanted,
            wished: Wish::Bound,
            begun: VecDeque::new(),
        };
        let mut rig = Self { pool, mailboxes, limits, reports, ticket: 0 };
        for link in 0..u32::try_from(rig.mailboxes.len()).expect("a few") {
            rig.up(link).await;
        }
        rig
    }

    async fn report(&mut self, report: LinkReport) {
        self.reports.send(report).await.expect("the pool listens");
        self.pool.next().await;
    }

    async fn up(&mut self, link: u32) {
        let since = clock::wall();
        let remote = "smsc:2775".to_owned();
        self.report(LinkReport::Up { link, remote, submits: true, bind_mode: "transceiver", since }).await;
    }

    fn segments(
        &mut self,
        message: &Arc<Message>,
        numbers: std::ops::RangeInclusive<u8>,
        of: u8,
    ) -> Vec<Outbound> {
        let plan = SegmentPlan { encoding: None, segments: of, units: 1 };
        let prepared =
            Arc::new(Prepared { plan, data_coding: 0, has_header: of > 1, parts: Vec::new(), reference: 1 });
        numbers
            .map(|segment| {
                self.ticket += 1;
                let (message, prepared) = (message.clone(), prepared.clone());
                Outbound { ticket: self.ticket, message, prepared, segment }
            })
            .collect()
    }

    fn short(&mut self) -> Vec<Outbound> {
        let message = Arc::new(testing::message(|_| ()));
        self.segments(&message, 1..=1, 1)
    }

    /// What each link was given since the last time, as segment numbers.
    fn given(&mut self) -> Vec<Vec<u8>> {
        let take = |mailbox: &mut mpsc::Receiver<Vec<Outbound>>| {
            std::iter::from_fn(|| mailbox.try_recv().ok()).flatten().map(|one| one.segment).collect()
        };
        self.mailboxes.iter_mut().map(take).collect()
    }

    async fn answered(&mut self, link: u32, sign: Sign) {
        let waited = Duration::from_millis(1);
        let outcome = Outcome {
            ticket: self.ticket,
            outcome: SubmitOutcome::Accepted { carrier_id: None },
            late: false,
            at: clock::wall(),
        };
        let feedback = vec![Feedback { sign, congestion: None, waited }];
        let outcomes = vec![outcome];
        self.report(LinkReport::Outcomes { link, outcomes, feedback, round_trip: Some(waited) }).await;
    }
}

#[tokio::test]
async fn the_parts_of_a_message_stay_on_one_link_over_several_batches() {
    let mut rig = Rig::new(2).await;
    let message = Arc::new(testing::message(|_| ()));
    let first = rig.segments(&message, 1..=3, 8);
    assert!(rig.pool.submit(first).is_empty());
    let home = rig.given().iter().position(|given| given == &[1, 2, 3]).expect("one link has them all");
    // Its window is all but full, and its sibling idle: a link is never given more than it may send.
    assert_eq!(rig.pool.room_for_parts(message.id), LIMIT - 3);
    let rest = rig.segments(&message, 4..=8, 8);
    let unsent = rig.pool.submit(rest);
    assert_eq!(unsent.iter().map(|segment| segment.segment).collect::<Vec<_>>(), [5, 6, 7, 8]);
    assert_eq!(rig.given()[home], [4]);
    assert_eq!((rig.pool.room_for_parts(message.id), rig.pool.headroom()), (0, LIMIT));
}

#[tokio::test]
async fn the_rest_of_a_message_whose_link_is_gone_takes_another() {
    let mut rig = Rig::new(2).await;
    let message = Arc::new(testing::message(|_| ()));
    let first = rig.segments(&message, 1..=1, 3);
    assert!(rig.pool.submit(first).is_empty());
    let home = rig.given().iter().position(|given| !given.is_empty()).expect("one has it");
    rig.report(LinkReport::Unbinding { link: u32::try_from(home).expect("a few") }).await;
    let rest = rig.segments(&message, 2..=3, 3);
    assert!(rig.pool.submit(rest).is_empty());
    let given = rig.given();
    assert_eq!((given[1 - home].as_slice(), given[home].len()), (&[2, 3][..], 0));
}

#[tokio::test]
async fn a_link_that_unbinds_gets_nothing_new_until_it_is_bound_again() {
    let mut rig = Rig::new(1).await;
    rig.report(LinkReport::Unbinding { link: 0 }).await;
    assert_eq!((rig.pool.headroom(), rig.pool.bound()), (0, 1));
    let segment = rig.short();
    assert_eq!(rig.pool.submit(segment).len(), 1, "it comes back");
    rig.up(0).await;
    let segment = rig.short();
    assert!(rig.pool.submit(segment).is_empty());
}

#[tokio::test]
async fn throttling_takes_room_but_not_of_what_was_handed_over_and_a_new_connection_has_it_all() {
    let mut rig = Rig::new(2).await;
    let segment = rig.short();
    assert!(rig.pool.submit(segment).is_empty());
    let link = rig.given().iter().position(|given| !given.is_empty()).expect("one has it");
    let number = u32::try_from(link).expect("a few");
    rig.answered(number, Sign::Throttled).await;
    assert_eq!((*rig.limits[link].borrow(), rig.pool.headroom()), (LIMIT, LIMIT + LIMIT / 2));
    assert_eq!(rig.pool.window(), LIMIT + LIMIT / 2);
    assert_eq!(rig.pool.links()[link].window, 2);
    rig.up(number).await;
    assert_eq!((*rig.limits[link].borrow(), rig.pool.headroom()), (LIMIT, 2 * LIMIT));
}

#[tokio::test]
async fn a_refusal_that_needs_a_person_is_counted_until_the_link_is_bound() {
    let mut rig = Rig::new(2).await;
    let error = CarrierStatus::ours(FailureClass::SourceNotAllowed, false, "wrong");
    let down = LinkReport::Down { link: 1, remote: String::new(), error, needs_a_person: true };
    rig.report(down).await;
    assert_eq!((rig.pool.in_need_of_a_person(), rig.pool.bound()), (1, 1));
    assert_eq!(rig.pool.last_error().expect("an error").raw_text, "wrong");
    rig.up(1).await;
    assert_eq!((rig.pool.in_need_of_a_person(), rig.pool.last_error()), (0, None));
}

#[tokio::test]
async fn fewer_links_are_the_outer_ones_and_a_smaller_window_is_told_to_each() {
    let mut rig = Rig::new(4).await;
    let told = |rig: &Rig| rig.pool.links.iter().map(|link| *link.wish.borrow()).collect::<Vec<_>>();
    rig.pool.set_limits(3, 2);
    assert_eq!(told(&rig), [Wish::Bound, Wish::Bound, UNWANTED, Wish::Bound]);
    assert_eq!((rig.pool.wanted(), rig.pool.headroom()), (3, 4 * 2));
    assert!(rig.limits.iter().all(|limit| *limit.borrow() == 2));
    // While all shall rest, other limits bring nothing back.
    let rest = Wish::Unbound { at_once: true };
    rig.pool.wish(rest);
    rig.pool.set_limits(4, LIMIT);
    assert_eq!(told(&rig), [rest; 4]);
    rig.pool.wish(Wish::Bound);
    assert_eq!(told(&rig), [Wish::Bound; 4]);
}
