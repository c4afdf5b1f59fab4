//! The panel of calls: their figures on the left, the newest on the right.

use std::time::Instant;

use ratatui::{
    Frame,
    layout::{Constraint, Layout, Rect},
    style::{Color, Style},
    text::{Line, Span},
    widgets::{Block, BorderType, Padding, Paragraph},
};

use super::{
    FAINT, STRONG,
    carrier::{draw_rate, percentiles, row},
    color,
};
use crate::{
    demo::{
        calls::{Seen, state_name},
        measure::grouped,
        picture::{Picture, trunk_state},
    },
    grpc::api::{CallCause, CallState},
};

/// Columns of the newest calls.
const NEWEST: u16 = 40;

pub fn draw(frame: &mut Frame<'_>, area: Rect, picture: &Picture, now: Instant) {
    let (state, tone) = trunk_state(&picture.call_trunk);
    let title = vec![
        Span::raw(" "),
        Span::styled("SIP", STRONG),
        Span::styled(format!(" trunk {} ", picture.call_trunk.trunk_id), FAINT),
    ];
    let block = Block::bordered()
        .border_type(BorderType::Rounded)
        .border_style(FAINT)
        .padding(Padding::horizontal(1))
        .title(Line::from(title))
        .title(Line::styled(format!(" ● {state} "), Style::new().fg(color(tone))).right_aligned());
    let inner = block.inner(area);
    frame.render_widget(block, area);
    let columns = [Constraint::Fill(1), Constraint::Length(2), Constraint::Length(NEWEST)];
    let [figures, _, newest] = Layout::horizontal(columns).areas(inner);
    draw_figures(frame, figures, picture, now);
    let lines: Vec<Line<'_>> =
        picture.calls.newest().take(usize::from(newest.height)).map(newest_line).collect();
    frame.render_widget(Paragraph::new(lines), newest);
}

fn draw_figures(frame: &mut Frame<'_>, area: Rect, picture: &Picture, now: Instant) {
    // How long answers take gives way in a small window.
    let answers = u16::from(area.height > 3);
    let rows = [1, answers, 1].map(Constraint::Length);
    let rows = std::iter::once(Constraint::Min(1)).chain(rows);
    let [rate, open, answers, causes] = Layout::vertical(rows).areas(area);
    let (ledger, totals) = (&picture.calls, picture.calls.totals());
    draw_rate(frame, rate, "calls", &ledger.rate, format!("{:.1}/s", ledger.rate.rate()));
    let mut spans = vec![Span::raw(format!("{} open", grouped(totals.open)))];
    if let Some(share) = totals.answer_ratio() {
        spans.push(Span::styled(format!("  {:.1} % answered", share * 100.0), Style::new().fg(Color::Green)));
    }
    if totals.lost > 0 {
        spans.push(Span::styled(format!("  {} lost", grouped(totals.lost)), Style::new().fg(Color::Red)));
    }
    row(frame, open, "now", spans);
    row(frame, answers, "answer", percentiles(&ledger.answers, now));
    let named: Vec<_> = ledger.causes().iter().map(|(cause, count)| format!("{cause} {count}")).collect();
    row(frame, causes, "causes", vec![Span::raw(named.join(" · "))]);
}

fn newest_line(seen: &Seen) -> Line<'_> {
    let style = Style::new().fg(match seen.state {
        CallState::InProgress | CallState::Bridged | CallState::Completed => Color::Green,
        CallState::Failed | CallState::Lost => Color::Red,
        _ if seen.cause != CallCause::Unspecified => Color::Yellow,
        _ => Color::Reset,
    });
    Line::from(vec![
        Span::styled(format!("{} ", seen.since.strftime("%H:%M:%S")), FAINT),
        Span::styled(if seen.inbound { "◀ " } else { "▶ " }, FAINT),
        Span::raw(format!("{:<16}", seen.who)),
        Span::styled(state_name(seen.state), style),
    ])
}
