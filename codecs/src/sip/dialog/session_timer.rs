//! Session timers (RFC 4028): what to write, what to answer, who refreshes and when to give up. Both roles.
//!
//! A value holds what was agreed. It sends nothing: whoever owns the dialog asks [`SessionTimer::poll_timeout`] and
//! [`SessionTimer::due`].

use std::time::{Duration, Instant};

use crate::sip::message::{Refresher, SessionExpires};

/// The smallest interval that anybody may ask for, seconds.
pub const SMALLEST: u32 = 90;

/// What a trunk wants of session timers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// The interval to ask for, seconds: at least 90 and at least `min_se`. `None`: we ask for none, but agree to the
    /// peer's.
    pub interval: Option<u32>,
    /// The smallest interval to agree to, seconds; at least 90.
    pub min_se: u32,
    /// What happens if we asked and the peer does not know session timers.
    pub unanswered: Unanswered,
}

impl Default for Settings {
    fn default() -> Self {
        Self { interval: Some(1800), min_se: SMALLEST, unanswered: Unanswered::RefreshAlone }
    }
}

/// What happens if we asked for a session timer and the peer does not know it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unanswered {
    /// We refresh all the same, and so notice that the peer is gone.
    RefreshAlone,
    /// The session has no timer.
    Off,
}

/// What a request says of session timers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Asked {
    /// Whether `timer` is in Supported.
    pub supported: bool,
    /// Its Session-Expires.
    pub expires: Option<SessionExpires>,
    /// Its Min-SE.
    pub min_se: Option<u32>,
}

/// What a 2xx of ours says of session timers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Granted {
    /// Seconds.
    pub seconds: u32,
    /// Who refreshes.
    pub refresher: Refresher,
    /// Whether `timer` goes into Require.
    pub require: bool,
}

/// What to do now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Due {
    /// Nothing yet.
    Nothing,
    /// Send a refresh.
    Refresh,
    /// The session expired: end it.
    Expired,
}

/// Our side of the role.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
    Refresh,
    Watch,
}

/// What is running.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Running {
    seconds: u32,
    role: Role,
    /// When the refresh is to go out; `None` while one is under way, and for the watcher.
    refresh: Option<Instant>,
    /// When the session is over unless a 2xx comes.
    expiry: Instant,
}

/// The session timer of one dialog.
#[derive(Debug, Clone)]
pub struct SessionTimer {
    settings: Settings,
    /// The largest Min-SE ever seen on this dialog.
    min_se: Option<u32>,
    running: Option<Running>,
}

impl SessionTimer {
    /// A timer that does not run yet.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        Self { settings, min_se: None, running: None }
    }

    /// What the first INVITE of ours says: Session-Expires without a refresher, and Min-SE if one is known or wanted.
    #[must_use]
    pub fn ask(&self) -> (Option<SessionExpires>, Option<u32>) {
        let expires = self.settings.interval.map(|seconds| SessionExpires {
            seconds: seconds.max(self.settings.min_se).max(self.floor()),
            refresher: None,
        });
        (expires, self.min_se_to_send())
    }

    /// What any later INVITE or UPDATE of ours says: who refreshes now, as seen from this request.
    #[must_use]
    pub fn ask_again(&self) -> (Option<SessionExpires>, Option<u32>) {
        let Some(running) = self.running else { return (None, None) };
        let refresher = if running.role == Role::Refresh { Refresher::Uac } else { Refresher::Uas };
        let seconds = running.seconds.max(self.floor());
        (Some(SessionExpires { seconds, refresher: Some(refresher) }), self.min_se)
    }

    /// A 422 came: its Min-SE counts from now on. `None` if it says nothing that we did not know, so that repeating the
    /// request cannot help.
    pub fn too_small(&mut self, min_se: Option<u32>) -> Option<u32> {
        let before =
            self.ask().0.map_or(0, |expires| expires.seconds).max(self.running.map_or(0, |r| r.seconds));
        let wanted = min_se?.max(SMALLEST);
        let known = self.min_se.map_or(wanted, |known| known.max(wanted));
        self.min_se = Some(known);
        (known > before).then_some(known)
    }

    /// Looks at a request of the peer before anything else is done with it.
    ///
    /// # Errors
    /// The Min-SE of the 422 that it is owed.
    pub fn inspect(&self, asked: &Asked) -> Result<(), u32> {
        let least = self.settings.min_se.max(SMALLEST);
        match asked.expires {
            Some(expires) if asked.supported && expires.seconds < least => Err(least),
            _ => Ok(()),
        }
    }

    /// What our 2xx to a request of the peer says, and runs from now on.
    pub fn grant(&mut self, now: Instant, asked: &Asked) -> Option<Granted> {
        if let Some(min_se) = asked.min_se {
            let seen = self.min_se.unwrap_or(SMALLEST).max(min_se);
            self.min_se = Some(seen);
        }
        let floor = asked.min_se.unwrap_or(SMALLEST).max(SMALLEST);
        let wish = self.settings.interval;
        let seconds = match asked.expires {
            // Never higher than asked; lower only as far as both minima allow.
            Some(expires) => {
                let lowest = floor.max(self.settings.min_se);
                wish.map_or(expires.seconds, |wish| wish.max(lowest).min(expires.seconds)).max(SMALLEST)
            }
            None => match wish {
                Some(wish) => wish.max(floor).max(self.settings.min_se),
                None => {
                    self.running = None;
                    return None;
                }
            },
        };
        let refresher = match (asked.supported, asked.expires.and_then(|expires| expires.refresher)) {
            (false, _) | (true, Some(Refresher::Uas)) => Refresher::Uas,
            (true, Some(Refresher::Uac) | None) => Refresher::Uac,
        };
        let role = if refresher == Refresher::Uac { Role::Watch } else { Role::Refresh };
        self.start(now, seconds, role);
        Some(Granted { seconds, refresher, require: asked.supported })
    }

    /// A 2xx came to an INVITE or UPDATE of ours. `asked`: whether that request carried Session-Expires.
    pub fn granted(&mut self, now: Instant, answer: Option<SessionExpires>, asked: bool) {
        match answer {
            Some(expires) => {
                let role =
                    if expires.refresher == Some(Refresher::Uas) { Role::Watch } else { Role::Refresh };
                self.start(now, expires.seconds.max(SMALLEST), role);
            }
            None if asked && self.settings.unanswered == Unanswered::RefreshAlone => {
                let seconds = self.running.map(|running| running.seconds).or(self.settings.interval);
                let seconds = seconds.unwrap_or(SMALLEST).max(self.floor());
                self.start(now, seconds, Role::Refresh);
            }
            None => self.running = None,
        }
    }

    /// When to look at [`SessionTimer::due`] again.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.running.map(|running| running.refresh.map_or(running.expiry, |at| at.min(running.expiry)))
    }

    /// What to do now. A refresh is asked for once; [`SessionTimer::refresh_failed`] asks again.
    pub fn due(&mut self, now: Instant) -> Due {
        let Some(running) = &mut self.running else { return Due::Nothing };
        if now >= running.expiry {
            return Due::Expired;
        }
        if running.refresh.is_some_and(|at| now >= at) {
            running.refresh = None;
            return Due::Refresh;
        }
        Due::Nothing
    }

    /// A refresh failed without ending the call: the next one goes out in an eighth of the interval, and so not in a loop.
    pub fn refresh_failed(&mut self, now: Instant) {
        if let Some(running) = self.running {
            self.refresh_at(now + Duration::from_secs(u64::from(running.seconds / 8)));
        }
    }

    /// A refresh met a request of the peer: it goes out again at `at`.
    pub fn refresh_at(&mut self, at: Instant) {
        if let Some(running) = &mut self.running
            && running.role == Role::Refresh
        {
            running.refresh = Some(at);
        }
    }

    /// The interval that runs, seconds.
    #[must_use]
    pub fn interval(&self) -> Option<u32> {
        self.running.map(|running| running.seconds)
    }

    /// Whether we are the one that refreshes.
    #[must_use]
    pub fn refreshes(&self) -> bool {
        self.running.is_some_and(|running| running.role == Role::Refresh)
    }

    fn floor(&self) -> u32 {
        self.min_se.unwrap_or(SMALLEST).max(SMALLEST)
    }

    fn min_se_to_send(&self) -> Option<u32> {
        let own = (self.settings.min_se > SMALLEST).then_some(self.settings.min_se);
        self.min_se.max(own)
    }

    /// RFC 4028: both sides count from the 2xx; the end comes before the interval is over.
    fn start(&mut self, now: Instant, seconds: u32, role: Role) {
        let after = |seconds: u32| now + Duration::from_secs(u64::from(seconds));
        let expiry = after(seconds - (seconds / 3).min(32));
        let refresh = (role == Role::Refresh).then(|| after(seconds / 2));
        self.running = Some(Running { seconds, role, refresh, expiry });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(interval: Option<u32>, min_se: u32) -> Settings {
        Settings { interval, min_se, unanswered: Unanswered::RefreshAlone }
    }

    fn expires(seconds: u32, refresher: Option<Refresher>) -> Option<SessionExpires> {
        Some(SessionExpires { seconds, refresher })
    }

    fn start() -> Instant {
        #[expect(clippy::disallowed_methods, reason = "an instant to count from")]
        Instant::now()
    }

    fn seconds(value: u64) -> Duration {
        Duration::from_secs(value)
    }

    #[test]
    fn the_refresher_in_a_2xx_follows_the_table() {
        use Refresher::{Uac, Uas};
        for (supported, asked, refresher, require) in [
            (false, None, Uas, false),
            (true, None, Uac, true),
            (true, Some(Uac), Uac, true),
            (true, Some(Uas), Uas, true),
        ] {
            let mut timer = SessionTimer::new(settings(Some(1800), 90));
            let asked = Asked { supported, expires: expires(1800, asked), min_se: None };
            let granted = timer.grant(start(), &asked);
            assert_eq!(granted, Some(Granted { seconds: 1800, refresher, require }), "{asked:?}");
            assert_eq!(timer.refreshes(), refresher == Uas);
        }
    }

    #[test]
    fn a_2xx_lowers_but_never_raises_what_was_asked() {
        for (interval, own_min, asked, min_se, granted) in [
            (Some(1800), 90, Some(3600), None, Some(1800)),
            (Some(1800), 90, Some(600), None, Some(600)),
            (Some(600), 90, Some(1800), Some(900), Some(900)),
            (Some(600), 700, Some(1800), None, Some(700)),
            (None, 90, Some(1800), None, Some(1800)),
            (None, 90, None, None, None),
            (Some(1800), 90, None, None, Some(1800)),
            (Some(1800), 90, None, Some(2000), Some(2000)),
            // Too small, but from someone who could not understand a 422.
            (Some(1800), 90, Some(30), None, Some(90)),
        ] {
            let mut timer = SessionTimer::new(settings(interval, own_min));
            let asked = Asked {
                supported: true,
                expires: asked.map(|seconds| SessionExpires { seconds, refresher: None }),
                min_se,
            };
            assert_eq!(timer.grant(start(), &asked).map(|g| g.seconds), granted, "{interval:?} {asked:?}");
            assert_eq!(timer.interval(), granted);
        }
    }

    #[test]
    fn too_small_an_interval_is_422_only_for_who_understands_it() {
        let timer = SessionTimer::new(settings(Some(1800), 120));
        let asked = |supported, value| Asked { supported, expires: expires(value, None), min_se: None };
        assert_eq!(timer.inspect(&asked(true, 119)), Err(120));
        assert_eq!(timer.inspect(&asked(true, 120)), Ok(()));
        assert_eq!(timer.inspect(&asked(false, 30)), Ok(()));
        assert_eq!(timer.inspect(&Asked { supported: true, expires: None, min_se: None }), Ok(()));
    }

    #[test]
    fn a_2xx_to_us_says_who_refreshes() {
        for (answer, asked, interval, refreshes) in [
            (expires(1800, Some(Refresher::Uac)), true, Some(1800), true),
            (expires(1800, Some(Refresher::Uas)), true, Some(1800), false),
            (expires(1200, None), true, Some(1200), true),
            (None, true, Some(1800), true),
            (None, false, None, false),
        ] {
            let mut timer = SessionTimer::new(Settings::default());
            timer.granted(start(), answer, asked);
            assert_eq!((timer.interval(), timer.refreshes()), (interval, refreshes), "{answer:?}");
        }
        let mut off = SessionTimer::new(Settings { unanswered: Unanswered::Off, ..Settings::default() });
        off.granted(start(), None, true);
        assert_eq!(off.interval(), None);
    }

    #[test]
    fn a_2xx_in_mid_dialog_without_a_timer_switches_it_off() {
        let mut timer = SessionTimer::new(Settings::default());
        timer.granted(start(), expires(1800, Some(Refresher::Uas)), true);
        timer.granted(start(), None, false);
        assert_eq!(timer.poll_timeout(), None);
    }

    #[test]
    fn refreshes_at_half_the_interval_and_the_watcher_gives_up_before_its_end() {
        for (interval, refresh, bye) in [(1800, 900, 1768), (90, 45, 60)] {
            let t0 = start();
            let mut timer = SessionTimer::new(Settings::default());
            timer.granted(t0, expires(interval, Some(Refresher::Uac)), true);
            assert_eq!(timer.poll_timeout(), Some(t0 + seconds(refresh)));
            assert_eq!(timer.due(t0 + seconds(refresh - 1)), Due::Nothing);
            assert_eq!(timer.due(t0 + seconds(refresh)), Due::Refresh);
            assert_eq!(timer.due(t0 + seconds(refresh + 1)), Due::Nothing, "it is asked for once");
            assert_eq!(timer.poll_timeout(), Some(t0 + seconds(bye)));
            assert_eq!(timer.due(t0 + seconds(bye)), Due::Expired);

            let mut watcher = SessionTimer::new(Settings::default());
            watcher.granted(t0, expires(interval, Some(Refresher::Uas)), true);
            assert_eq!(watcher.poll_timeout(), Some(t0 + seconds(bye)));
            assert_eq!(watcher.due(t0 + seconds(bye - 1)), Due::Nothing);
            assert_eq!(watcher.due(t0 + seconds(bye)), Due::Expired);
        }
    }

    #[test]
    fn a_refresh_names_the_side_that_refreshes_and_the_largest_minimum_seen() {
        let mut timer = SessionTimer::new(settings(Some(100), 90));
        assert_eq!(timer.ask(), (expires(100, None), None));
        assert_eq!(timer.too_small(Some(600)), Some(600));
        assert_eq!(timer.ask(), (expires(600, None), Some(600)));
        assert_eq!(timer.too_small(Some(300)), None, "it asks for no more than we offered");
        assert_eq!(timer.too_small(None), None);
        timer.granted(start(), expires(600, Some(Refresher::Uas)), true);
        assert_eq!(timer.ask_again(), (expires(600, Some(Refresher::Uas)), Some(600)));
        timer.granted(start(), expires(600, Some(Refresher::Uac)), true);
        assert_eq!(timer.ask_again(), (expires(600, Some(Refresher::Uac)), Some(600)));
    }

    #[test]
    fn a_failed_refresh_is_tried_again_later_but_never_past_the_end() {
        let t0 = start();
        let mut timer = SessionTimer::new(Settings::default());
        timer.granted(t0, expires(1800, Some(Refresher::Uac)), true);
        assert_eq!(timer.due(t0 + seconds(900)), Due::Refresh);
        timer.refresh_failed(t0 + seconds(901));
        assert_eq!(timer.poll_timeout(), Some(t0 + seconds(1126)));
        assert_eq!(timer.due(t0 + seconds(1126)), Due::Refresh);
        assert_eq!(timer.due(t0 + seconds(1768)), Due::Expired);
    }
}
