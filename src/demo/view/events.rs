//! The list of the latest events.

use ratatui::{
    Frame,
    layout::Rect,
    style::Style,
    text::{Line, Span},
    widgets::{Block, BorderType, Padding, Paragraph},
};

use super::{FAINT, color};
use crate::demo::{
    measure::{grouped, short},
    picture::{self, Picture, Tone},
};

/// Columns of the time, the number, what happened and the trunk, each with a gap behind it.
const COLUMNS: [usize; 4] = [10, 16, 13, 6];
/// Columns of the segments and of the time that it took.
const TAIL: [usize; 2] = [4, 9];

pub fn draw(frame: &mut Frame<'_>, area: Rect, picture: &Picture) {
    let title = match (picture.held.is_some(), picture.only_failures) {
        (true, _) => " Latest events, held ",
        (false, true) => " Latest failures ",
        (false, false) => " Latest events ",
    };
    let told = format!(" {} so far, a selection is listed; times are UTC ", grouped(picture.latest.told()));
    let block = Block::bordered()
        .border_type(BorderType::Rounded)
        .border_style(FAINT)
        .padding(Padding::horizontal(1))
        .title(Line::from(title))
        .title(Line::styled(told, FAINT).right_aligned());
    let inner = block.inner(area);
    let lines: Vec<Line<'_>> = picture
        .lines()
        .into_iter()
        .take(usize::from(inner.height))
        .map(|line| event(line, usize::from(inner.width)))
        .collect();
    frame.render_widget(Paragraph::new(lines).block(block), area);
}

fn event(line: &picture::Line, width: usize) -> Line<'_> {
    let words = width.saturating_sub(COLUMNS.iter().chain(&TAIL).sum());
    let reason = fit(&line.reason, words);
    let segments = if line.segments > 1 { format!("×{}", line.segments) } else { String::new() };
    let took = line.took.map(short).unwrap_or_default();
    let style = Style::new().fg(color(line.tone));
    // The carrier's words matter most where something went wrong.
    let reason_style = if matches!(line.tone, Tone::Bad | Tone::Odd) { style } else { FAINT };
    let [at, who, what, trunk] = COLUMNS;
    let [parts, time] = TAIL;
    let second = line.at.strftime("%H:%M:%S").to_string();
    Line::from(vec![
        Span::styled(format!("{second:<at$}"), FAINT),
        Span::raw(format!("{:<who$}", fit(&line.who, who - 1))),
        Span::styled(format!("{:<what$}", line.what), style),
        Span::raw(format!("{:<trunk$}", fit(&line.trunk, trunk - 1))),
        Span::styled(format!("{reason:<words$}"), reason_style),
        Span::raw(format!("{segments:>parts$}")),
        Span::styled(format!("{took:>time$}"), FAINT),
    ])
}

/// A text in at most so many characters.
fn fit(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    text.chars().take(most.saturating_sub(1)).chain(['…']).collect()
}
