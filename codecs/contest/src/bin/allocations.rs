//! How often reading and writing a SIP message allocates, here and elsewhere.
#![forbid(unsafe_code)]

use allocation_counter::measure;
use codecs_contest::{readers, writers};

fn main() {
    for (title, contestants) in [("Reading", readers()), ("Writing", writers())] {
        println!("{title}");
        for (name, work) in contestants {
            let counted = measure(work);
            println!("{name:<40} {:>4} allocations of {:>6} octets", counted.count_total, counted.bytes_total);
        }
    }
}
