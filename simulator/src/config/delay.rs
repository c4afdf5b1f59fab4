//! How long something takes: always the same, or drawn anew each time.

use std::{fmt, time::Duration};

use jiff::SignedDuration;
use rand::Rng;
use serde::{
    Deserialize, Deserializer,
    de::{Error as _, MapAccess, Visitor, value::MapAccessDeserializer},
};

/// A delay: `"50ms"`, `{ from = "10ms", to = "90ms" }` or `{ mean = "2s" }`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Delay {
    /// Always this long.
    Fixed(Duration),
    /// Any length from `from` to `to`, both inclusive, all equally likely.
    Uniform {
        /// The shortest.
        from: Duration,
        /// The longest.
        to: Duration,
    },
    /// Exponentially distributed around `mean`, cut at twenty times `mean`.
    Exponential {
        /// The mean.
        mean: Duration,
    },
}

impl Default for Delay {
    fn default() -> Self {
        Self::Fixed(Duration::ZERO)
    }
}

impl Delay {
    /// Says whether there is none.
    #[must_use]
    pub fn is_none(self) -> bool {
        self == Self::default()
    }

    /// Draws one. Takes nothing from `rng` when there is nothing to draw.
    pub fn draw(self, rng: &mut impl Rng) -> Duration {
        match self {
            Self::Fixed(delay) => delay,
            Self::Uniform { from, to } => {
                let span = to.saturating_sub(from);
                from + span.mul_f64(rng.random::<f64>())
            }
            Self::Exponential { mean } => {
                // 1 - x is in (0, 1], so the logarithm is finite and not positive.
                let length = -(1.0 - rng.random::<f64>()).ln();
                mean.mul_f64(length.min(20.0))
            }
        }
    }
}

impl<'de> Deserialize<'de> for Delay {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(DelayVisitor)
    }
}

struct DelayVisitor;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Drawn {
    #[serde(default, deserialize_with = "optional_duration")]
    from: Option<Duration>,
    #[serde(default, deserialize_with = "optional_duration")]
    to: Option<Duration>,
    #[serde(default, deserialize_with = "optional_duration")]
    mean: Option<Duration>,
}

impl<'de> Visitor<'de> for DelayVisitor {
    type Value = Delay;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(r#"a duration like "50ms", { from = "10ms", to = "90ms" } or { mean = "2s" }"#)
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Delay, E> {
        parse(text).map(Delay::Fixed)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Delay, A::Error> {
        match Drawn::deserialize(MapAccessDeserializer::new(map))? {
            Drawn { from: Some(from), to: Some(to), mean: None } if from <= to => {
                Ok(Delay::Uniform { from, to })
            }
            Drawn { from: Some(_), to: Some(_), mean: None } => {
                Err(A::Error::custom("`from` is longer than `to`"))
            }
            Drawn { from: None, to: None, mean: Some(mean) } => Ok(Delay::Exponential { mean }),
            _ => Err(A::Error::custom("a drawn delay has either `from` and `to`, or `mean`")),
        }
    }
}

/// Reads a duration like `"30s"` or `"1m 30s"`.
///
/// # Errors
/// It is no duration, or a negative one.
pub fn duration<'de, D: Deserializer<'de>>(from: D) -> Result<Duration, D::Error> {
    let text = <std::borrow::Cow<'de, str>>::deserialize(from)?;
    parse(&text)
}

fn optional_duration<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Duration>, D::Error> {
    duration(from).map(Some)
}

fn parse<E: serde::de::Error>(text: &str) -> Result<Duration, E> {
    let signed: SignedDuration = text.parse().map_err(E::custom)?;
    Duration::try_from(signed).map_err(|_| E::custom("a duration can't be negative"))
}

#[cfg(test)]
mod tests {
    use rand::{SeedableRng, rngs::SmallRng};

    use super::*;

    #[derive(Deserialize)]
    struct Holder {
        delay: Delay,
    }

    fn read(text: &str) -> Result<Delay, toml::de::Error> {
        toml::from_str::<Holder>(text).map(|holder| holder.delay)
    }

    #[test]
    fn reads_all_three_forms() {
        let ms = Duration::from_millis;
        assert_eq!(read(r#"delay = "50ms""#), Ok(Delay::Fixed(ms(50))));
        let uniform = Delay::Uniform { from: ms(10), to: ms(1500) };
        assert_eq!(read(r#"delay = { from = "10ms", to = "1.5s" }"#), Ok(uniform));
        assert_eq!(read(r#"delay = { mean = "2s" }"#), Ok(Delay::Exponential { mean: ms(2000) }));
    }

    #[test]
    fn refuses_what_is_no_delay() {
        for bad in [
            r#"delay = "-1s""#,
            "delay = 5",
            r#"delay = { from = "2s", to = "1s" }"#,
            r#"delay = { from = "2s" }"#,
            r#"delay = { average = "2s" }"#,
        ] {
            assert!(read(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn draws_within_its_bounds() {
        let mut rng = SmallRng::seed_from_u64(1);
        let (from, to) = (Duration::from_millis(10), Duration::from_millis(20));
        for _ in 0..1000 {
            let drawn = Delay::Uniform { from, to }.draw(&mut rng);
            assert!((from..=to).contains(&drawn), "{drawn:?}");
            assert!(Delay::Exponential { mean: to }.draw(&mut rng) <= to * 20);
        }
    }
}
