//! The recipients of a submit, read in place or given for writing.

/// The numbers that a submit is for, in wire order: borrowed from a unit, or given as a list.
#[derive(Clone, Copy)]
pub struct Recipients<'a>(Form<'a>);

#[derive(Clone, Copy)]
enum Form<'a> {
    Wire { octets: &'a [u8], width: usize },
    List(&'a [&'a [u8]]),
    One(&'a [u8]),
}

impl<'a> Recipients<'a> {
    /// Several recipients, at most 99 on the wire.
    #[must_use]
    pub fn new(numbers: &'a [&'a [u8]]) -> Self {
        Self(Form::List(numbers))
    }

    /// The usual case: one recipient.
    #[must_use]
    pub fn one(number: &'a [u8]) -> Self {
        Self(Form::One(number))
    }

    /// Fields of `width` octets each, one after the other, as in a unit.
    pub(super) fn wire(octets: &'a [u8], width: usize) -> Self {
        Self(Form::Wire { octets, width })
    }

    /// How many there are: DestUsr_tl.
    #[must_use]
    pub fn len(&self) -> usize {
        match self.0 {
            Form::Wire { octets, width } => octets.len() / width,
            Form::List(numbers) => numbers.len(),
            Form::One(_) => 1,
        }
    }

    /// Says whether there is none. Never so in a unit that was decoded.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The number at `index`, counted from 0, without padding.
    #[must_use]
    pub fn get(&self, index: usize) -> Option<&'a [u8]> {
        match self.0 {
            Form::Wire { octets, width } => octets.chunks_exact(width).nth(index).map(crate::octets::trim),
            Form::List(numbers) => numbers.get(index).copied(),
            Form::One(number) => (index == 0).then_some(number),
        }
    }

    /// The numbers in wire order, without padding.
    pub fn iter(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        let this = *self;
        (0..this.len()).map_while(move |index| this.get(index))
    }
}

impl Default for Recipients<'_> {
    fn default() -> Self {
        Self(Form::List(&[]))
    }
}

impl PartialEq for Recipients<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl Eq for Recipients<'_> {}

impl std::fmt::Debug for Recipients<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}
