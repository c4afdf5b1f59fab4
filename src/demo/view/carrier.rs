//! The panel of one carrier.

use std::time::Instant;

use ratatui::{
    Frame,
    layout::{Constraint, Layout, Rect},
    style::{Color, Style},
    text::{Line, Span},
    widgets::{Block, BorderType, Padding, Sparkline},
};

use super::{FAINT, STRONG, color};
use crate::demo::{
    measure::{Delays, PerSecond, grouped, short},
    picture::Carrier,
};

/// Columns of the names on the left.
const NAMES: u16 = 9;
/// Columns of a figure beside a bar.
const FIGURE: usize = 9;

pub fn draw(frame: &mut Frame<'_>, area: Rect, carrier: &Carrier, now: Instant) {
    let (state, tone) = carrier.state();
    let title = vec![
        Span::raw(" "),
        Span::styled(carrier.protocol(), STRONG),
        Span::styled(format!(" trunk {} ", carrier.trunk.trunk_id), FAINT),
    ];
    let state = vec![Span::styled(format!(" ● {state} "), Style::new().fg(color(tone)))];
    let block = Block::bordered()
        .border_type(BorderType::Rounded)
        .border_style(FAINT)
        .padding(Padding::horizontal(1))
        .title(Line::from(title))
        .title(Line::from(state).right_aligned());
    let inner = block.inner(area);
    frame.render_widget(block, area);

    let rows = [
        Constraint::Length(1),
        Constraint::Length(1),
        Constraint::Min(1),
        Constraint::Length(1),
        Constraint::Length(1),
        Constraint::Length(1),
        Constraint::Length(1),
    ];
    let [links, window, submits, answers, reports, arrived, queue] = Layout::vertical(rows).areas(inner);
    let trunk = &carrier.trunk;

    let bound = Span::styled(
        format!("{}/{}", trunk.bound_link_count, trunk.wanted_link_count),
        Style::new().fg(color(tone)),
    );
    let remote = Span::styled(format!("  {}", carrier.remote()), FAINT);
    row(frame, links, "links", vec![bound, remote]);

    let (in_flight, size) = carrier.window();
    let figure = format!("{in_flight}/{size}");
    let share = crate::demo::measure::share(in_flight, size).unwrap_or(0.0);
    gauge(frame, window, "window", share, Color::Blue, &figure);

    draw_rate(frame, submits, "submits", &carrier.submits, format!("{:.0}/s", carrier.submits.rate()));
    row(frame, answers, "answers", percentiles(&carrier.answers, now));
    row(frame, reports, "reports", percentiles(&carrier.reports, now));

    match carrier.arrived() {
        Some(share) => {
            let figure = format!("{:.1} %", share * 100.0);
            gauge(frame, arrived, "arrived", share, Color::Green, &figure);
        }
        None => row(frame, arrived, "arrived", vec![Span::styled("nothing has ended yet", FAINT)]),
    }

    let waiting = trunk.queue_depth;
    let style = if waiting > 0 { Style::new().fg(Color::Yellow) } else { Style::new() };
    let counts = trunk.submits.unwrap_or_default();
    let refused = Span::styled(format!("  refused {}", grouped(counts.refused_count)), FAINT);
    row(frame, queue, "queue", vec![Span::styled(format!("{} waiting", grouped(waiting)), style), refused]);
}

/// A name and what there is to say.
pub fn row(frame: &mut Frame<'_>, area: Rect, name: &'static str, spans: Vec<Span<'_>>) {
    let [left, right] = Layout::horizontal([Constraint::Length(NAMES), Constraint::Fill(1)]).areas(area);
    frame.render_widget(Span::styled(name, FAINT), left);
    frame.render_widget(Line::from(spans), right);
}

/// A name, a bar and a figure.
fn gauge(frame: &mut Frame<'_>, area: Rect, name: &'static str, share: f64, color: Color, figure: &str) {
    let cells = usize::from(area.width.saturating_sub(NAMES)).saturating_sub(FIGURE);
    #[allow(clippy::cast_sign_loss, clippy::cast_possible_truncation, reason = "0 to 1 of a few columns")]
    #[allow(clippy::cast_precision_loss, reason = "a few columns")]
    let full = ((share.clamp(0.0, 1.0) * cells as f64).round() as usize).min(cells);
    // Something is never shown as nothing, and not all never as all.
    let full = if share > 0.0 { full.max(1) } else { full };
    let full = if share < 1.0 { full.min(cells.saturating_sub(1)) } else { full };
    let spans = vec![
        Span::styled("━".repeat(full), Style::new().fg(color)),
        Span::styled("─".repeat(cells - full), FAINT),
        Span::raw(format!("{figure:>FIGURE$}")),
    ];
    row(frame, area, name, spans);
}

/// A rate, and the last minute as a curve.
pub fn draw_rate(frame: &mut Frame<'_>, area: Rect, name: &'static str, rate: &PerSecond, figure: String) {
    let columns = [Constraint::Length(NAMES), Constraint::Length(8), Constraint::Fill(1)];
    let [name_area, figure_area, curve] = Layout::horizontal(columns).areas(area);
    frame.render_widget(Span::styled(name, FAINT), name_area);
    frame.render_widget(Span::raw(figure), figure_area);
    let seconds = rate.seconds();
    let width = usize::from(curve.width);
    // The present is on the right, also while the past is still short.
    let missing = width.saturating_sub(seconds.len());
    let hidden = seconds.len().saturating_sub(width);
    let bars = std::iter::repeat_n(0, missing).chain(seconds.skip(hidden));
    frame.render_widget(Sparkline::default().style(Style::new().fg(Color::Cyan)).data(bars), curve);
}

pub fn percentiles(delays: &Delays, now: Instant) -> Vec<Span<'static>> {
    match delays.percentiles(now) {
        Some(both) => vec![
            Span::styled("p50 ", FAINT),
            Span::raw(format!("{:<8}", short(both.p50))),
            Span::styled("p95 ", FAINT),
            Span::raw(short(both.p95)),
        ],
        None => vec![Span::styled("none in the last minute", FAINT)],
    }
}
