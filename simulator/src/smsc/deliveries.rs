//! What waits to be delivered to one account: when it is due, and which link takes it.
//!
//! A lane per receiving link, and one for what belongs to no link. Pure but for waking the links that it names;
//! sending, and what an answer means, is left to the links.
//!
//! # Why
//! An account's receipts may go out over any of its links and outlive each of them, so they can't be a link's own.

use std::{
    cmp::Reverse,
    collections::{BinaryHeap, HashMap, VecDeque},
    sync::Arc,
    time::Instant,
};

use tokio::sync::Notify;

use super::message::Delivery;

/// A connection, counted from 1 in the order in which they came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LinkId(pub u64);

/// Which link a delivery is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum For {
    /// This link if it may receive, else whichever is next.
    Home(LinkId),
    /// Whichever is next.
    Any,
}

/// What happened to others when something was added.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Pressure {
    /// Deliveries made due before their time.
    pub early: u64,
    /// Deliveries given up.
    pub lost: u64,
}

/// What waits for one account.
#[derive(Debug)]
pub struct Deliveries {
    /// Of those not yet due, and of those due: how many may wait.
    limit: usize,
    timed: usize,
    ready: usize,
    serial: u64,
    links: Vec<Member>,
    lanes: HashMap<LinkId, Lane>,
    homeless: Lane,
    turn: usize,
}

#[derive(Debug)]
struct Member {
    link: LinkId,
    wake: Arc<Notify>,
}

#[derive(Debug, Default)]
struct Lane {
    ready: VecDeque<Box<Delivery>>,
    timed: BinaryHeap<Reverse<Timed>>,
}

/// Ordered by due time, then in the order of adding.
#[derive(Debug)]
struct Timed {
    due: Instant,
    serial: u64,
    delivery: Box<Delivery>,
}

impl Deliveries {
    /// Nothing waits yet; at most `limit` may be not yet due, and as many due.
    pub fn new(limit: usize) -> Self {
        Self {
            limit,
            timed: 0,
            ready: 0,
            serial: 0,
            links: Vec::new(),
            lanes: HashMap::new(),
            homeless: Lane::default(),
            turn: 0,
        }
    }

    /// A link may receive from now on; `wake` is notified when something is there for it.
    pub fn attach(&mut self, link: LinkId, wake: Arc<Notify>) {
        self.lanes.insert(link, Lane::default());
        self.links.push(Member { link, wake });
    }

    /// A link may not receive any more: what waits for it goes to the others.
    pub fn detach(&mut self, link: LinkId) {
        self.links.retain(|member| member.link != link);
        if let Some(mut lane) = self.lanes.remove(&link) {
            self.homeless.ready.append(&mut lane.ready);
            self.homeless.timed.append(&mut lane.timed);
            self.wake_all();
        }
    }

    /// Adds a delivery that is due at `due`. `by` is the link that works on it just now and need not be woken.
    pub fn add(
        &mut self,
        whom: For,
        by: Option<LinkId>,
        now: Instant,
        due: Instant,
        delivery: Box<Delivery>,
    ) -> Pressure {
        let mut pressure = Pressure::default();
        let owner = self.owner(whom);
        if due > now {
            if self.timed >= self.limit {
                self.hasten(&mut pressure);
            }
            self.serial += 1;
            self.timed += 1;
            let timed = Timed { due, serial: self.serial, delivery };
            self.lane(owner).timed.push(Reverse(timed));
        } else {
            if self.ready >= self.limit {
                self.give_up_oldest(owner, &mut pressure);
            }
            self.ready += 1;
            self.lane(owner).ready.push_back(delivery);
        }
        if owner.is_some() && owner != by {
            self.wake(owner);
        }
        pressure
    }

    /// Gives a delivery back that a link could not deliver; it is the next for whichever link is first.
    pub fn put_back(&mut self, delivery: Box<Delivery>) -> Pressure {
        let mut pressure = Pressure::default();
        if self.ready >= self.limit {
            pressure.lost += 1;
            return pressure;
        }
        self.ready += 1;
        self.homeless.ready.push_front(delivery);
        self.wake_all();
        pressure
    }

    /// Takes the next delivery that is due, for a link that may receive.
    pub fn next(&mut self, link: LinkId, now: Instant) -> Option<Box<Delivery>> {
        let Self { lanes, homeless, timed, ready, .. } = self;
        [Some(homeless), lanes.get_mut(&link)].into_iter().flatten().find_map(|lane| {
            if let Some(delivery) = lane.ready.pop_front() {
                *ready -= 1;
                return Some(delivery);
            }
            let is_due = lane.timed.peek().is_some_and(|Reverse(timed)| timed.due <= now);
            let Reverse(due) = is_due.then(|| lane.timed.pop())??;
            *timed -= 1;
            Some(due.delivery)
        })
    }

    /// When [`Deliveries::next`] may have something for the link that it has not now.
    pub fn deadline(&self, link: LinkId) -> Option<Instant> {
        let lanes = [Some(&self.homeless), self.lanes.get(&link)];
        lanes.into_iter().flatten().filter_map(|lane| Some(lane.timed.peek()?.0.due)).min()
    }

    /// The receiving link that a delivery goes to; `None`: there is none.
    fn owner(&mut self, whom: For) -> Option<LinkId> {
        if let For::Home(link) = whom
            && self.lanes.contains_key(&link)
        {
            return Some(link);
        }
        self.turn = self.turn.wrapping_add(1);
        let next = self.turn.checked_rem(self.links.len())?;
        Some(self.links[next].link)
    }

    fn lane(&mut self, owner: Option<LinkId>) -> &mut Lane {
        match owner.and_then(|link| self.lanes.get_mut(&link)) {
            Some(lane) => lane,
            None => &mut self.homeless,
        }
    }

    /// Makes the delivery that is due next of all due now.
    fn hasten(&mut self, pressure: &mut Pressure) {
        let due = |lane: &Lane| lane.timed.peek().map(|Reverse(timed)| (timed.due, timed.serial));
        let owner = self
            .links
            .iter()
            .map(|member| Some(member.link))
            .chain([None])
            .filter_map(|owner| {
                let lane = owner.map_or(Some(&self.homeless), |link| self.lanes.get(&link))?;
                Some((due(lane)?, owner))
            })
            .min_by_key(|(due, _)| *due)
            .map(|(_, owner)| owner);
        let Some(owner) = owner else {
            return;
        };
        if self.ready >= self.limit {
            self.give_up_oldest(owner, pressure);
        }
        if let Some(Reverse(timed)) = self.lane(owner).timed.pop() {
            self.timed -= 1;
            self.ready += 1;
            pressure.early += 1;
            self.lane(owner).ready.push_back(timed.delivery);
            self.wake(owner);
        }
    }

    /// Gives up what is due longest: of nobody's, else of `owner`'s, else of any.
    fn give_up_oldest(&mut self, owner: Option<LinkId>, pressure: &mut Pressure) {
        let given_up = self
            .homeless
            .ready
            .pop_front()
            .or_else(|| self.lane(owner).ready.pop_front())
            .or_else(|| self.lanes.values_mut().find_map(|lane| lane.ready.pop_front()));
        if given_up.is_some() {
            self.ready -= 1;
            pressure.lost += 1;
        }
    }

    fn wake(&self, owner: Option<LinkId>) {
        if let Some(member) = self.links.iter().find(|member| Some(member.link) == owner) {
            member.wake.notify_one();
        }
    }

    fn wake_all(&self) {
        self.links.iter().for_each(|member| member.wake.notify_one());
    }
}

impl PartialEq for Timed {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Timed {}

impl PartialOrd for Timed {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Timed {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.due, self.serial).cmp(&(other.due, other.serial))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::smsc::message::{Address, Content, MessageId, Mobile, Part};

    const A: LinkId = LinkId(1);
    const B: LinkId = LinkId(2);
    const MS: Duration = Duration::from_millis(1);

    fn delivery(number: u64) -> Box<Delivery> {
        let encoded = Part { coding: 0, has_header: false, octets: Vec::new() };
        let address = Address::plain(b"1");
        let mobile = Mobile {
            number,
            carried_by: MessageId(0),
            sender: address,
            recipient: address,
            part: 1,
            total: 1,
            encoded,
        };
        Box::new(Delivery { content: Content::Mobile(mobile), attempts: 0 })
    }

    fn number(delivery: Option<Box<Delivery>>) -> Option<u64> {
        match delivery?.content {
            Content::Mobile(mobile) => Some(mobile.number),
            Content::Receipt(_) => None,
        }
    }

    fn with_links(limit: usize, links: &[LinkId]) -> Deliveries {
        let mut deliveries = Deliveries::new(limit);
        links.iter().for_each(|&link| deliveries.attach(link, Arc::default()));
        deliveries
    }

    #[test]
    fn goes_to_its_home_link_when_it_is_due() {
        let mut deliveries = with_links(10, &[A, B]);
        let now = Instant::now();
        deliveries.add(For::Home(B), None, now, now + 5 * MS, delivery(1));
        deliveries.add(For::Home(B), None, now, now + 3 * MS, delivery(2));
        assert_eq!(deliveries.deadline(A), None);
        assert_eq!(deliveries.deadline(B), Some(now + 3 * MS));
        assert_eq!(number(deliveries.next(B, now + 2 * MS)), None);
        assert_eq!(number(deliveries.next(A, now + 9 * MS)), None);
        assert_eq!(number(deliveries.next(B, now + 9 * MS)), Some(2));
        assert_eq!(number(deliveries.next(B, now + 9 * MS)), Some(1));
    }

    #[test]
    fn goes_round_over_the_links_when_any_will_do() {
        let mut deliveries = with_links(10, &[A, B]);
        let now = Instant::now();
        for at in 0..4 {
            deliveries.add(For::Any, None, now, now, delivery(at));
        }
        let count =
            |link, deliveries: &mut Deliveries| std::iter::from_fn(|| deliveries.next(link, now)).count();
        assert_eq!((count(A, &mut deliveries), count(B, &mut deliveries)), (2, 2));
    }

    #[test]
    fn waits_for_a_link_and_survives_the_loss_of_one() {
        let mut deliveries = with_links(10, &[]);
        let now = Instant::now();
        deliveries.add(For::Home(A), Some(A), now, now, delivery(1));
        deliveries.attach(A, Arc::default());
        let first = deliveries.next(A, now);
        deliveries.add(For::Home(A), Some(A), now, now + MS, delivery(2));
        deliveries.detach(A);
        deliveries.put_back(first.expect("a delivery"));
        deliveries.attach(B, Arc::default());
        assert_eq!(number(deliveries.next(B, now + MS)), Some(1));
        assert_eq!(number(deliveries.next(B, now + MS)), Some(2));
    }

    #[test]
    fn hastens_and_then_gives_up_the_oldest_beyond_its_limit() {
        let mut deliveries = with_links(2, &[A]);
        let now = Instant::now();
        let later = now + 1000 * MS;
        let pressures = [1, 2, 3, 4, 5].map(|at| deliveries.add(For::Any, None, now, later, delivery(at)));
        assert_eq!(pressures.map(|pressure| pressure.early), [0, 0, 1, 1, 1]);
        assert_eq!(pressures.map(|pressure| pressure.lost), [0, 0, 0, 0, 1]);
        assert_eq!(number(deliveries.next(A, now)), Some(2));
        assert_eq!(number(deliveries.next(A, now)), Some(3));
        assert_eq!(number(deliveries.next(A, now)), None);
        assert_eq!(number(deliveries.next(A, later)), Some(4));
    }
}
