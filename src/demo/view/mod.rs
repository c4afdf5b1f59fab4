//! The terminal view: a panel per carrier of messages, one for calls, the totals, the latest events, and how to reach the daemon.
//!
//! Drawing is a function of a [`Picture`]; keys and the terminal itself are `screen`'s.

mod calls;
mod carrier;
mod events;
mod screen;

use std::time::{Duration, Instant};

use ratatui::{
    Frame,
    layout::{Constraint, Layout, Rect},
    style::{Color, Modifier, Style},
    text::{Line, Span},
    widgets::Paragraph,
};

use super::{
    measure::grouped,
    picture::{Phase, Picture, Tone},
};
pub use screen::{Input, Screen};

/// The smallest terminal that it is made for.
const LEAST: (u16, u16) = (80, 24);
/// Rows of a panel, its border included, when there is no more room.
const PANEL_ROWS: u16 = 9;
/// The same of the panel of calls.
const CALL_ROWS: u16 = 5;

/// What is there to be read second.
const FAINT: Style = Style::new().fg(Color::DarkGray);
const STRONG: Style = Style::new().add_modifier(Modifier::BOLD);

/// Draws everything.
pub fn draw(frame: &mut Frame<'_>, picture: &Picture, now: Instant) {
    let area = frame.area();
    if area.width < LEAST.0 || area.height < LEAST.1 {
        let (columns, rows) = LEAST;
        let text =
            format!("This window is too small: the demo needs {columns} columns and {rows} rows. q ends it.");
        frame.render_widget(Paragraph::new(text).wrap(ratatui::widgets::Wrap { trim: true }), area);
        return;
    }
    // Of the rows beyond the least, a third makes the curves higher; the others list more events.
    let more = ((area.height - LEAST.1) / 3).min(8);
    let rows = [
        Constraint::Length(1),
        Constraint::Length(PANEL_ROWS + more / 2),
        Constraint::Length(CALL_ROWS + more.div_ceil(2)),
        Constraint::Length(2),
        Constraint::Min(3),
        Constraint::Length(2),
    ];
    let [head, panels, calls, totals, events, foot] = Layout::vertical(rows).areas(area);
    draw_head(frame, head, picture, now);
    let columns = Layout::horizontal(vec![Constraint::Fill(1); picture.carriers.len().max(1)]).split(panels);
    for (carrier, column) in picture.carriers.iter().zip(columns.iter()) {
        carrier::draw(frame, *column, carrier, now);
    }
    calls::draw(frame, calls, picture, now);
    draw_totals(frame, totals, picture);
    events::draw(frame, events, picture);
    draw_foot(frame, foot, picture);
}

fn draw_head(frame: &mut Frame<'_>, area: Rect, picture: &Picture, now: Instant) {
    let setting = &picture.setting;
    let left = Line::from(vec![
        Span::styled(" carrierd demo ", STRONG),
        Span::raw(clock(now.saturating_duration_since(picture.started))),
        Span::styled(
            format!(
                "  {}/s, calls {}/s, seed {}, in {}",
                setting.rates.messages,
                setting.rates.calls,
                setting.seed,
                setting.folder.display()
            ),
            FAINT,
        ),
    ]);
    let right = match picture.phase {
        Phase::Running => Span::styled("sending ", Style::new().fg(Color::Green)),
        Phase::Draining(until) => {
            let left = until.saturating_duration_since(now).as_secs_f64().ceil();
            let open = picture.totals.open + picture.calls.totals().open;
            let text = format!("ending: {} open, {left} s ", grouped(open));
            Span::styled(text, Style::new().fg(Color::Yellow).add_modifier(Modifier::BOLD))
        }
    };
    let width = u16::try_from(right.width()).unwrap_or(area.width);
    let [left_area, right_area] =
        Layout::horizontal([Constraint::Fill(1), Constraint::Length(width)]).areas(area);
    frame.render_widget(left, left_area);
    frame.render_widget(Line::from(right), right_area);
}

fn draw_totals(frame: &mut Frame<'_>, area: Rect, picture: &Picture) {
    let totals = &picture.totals;
    let all = totals.carried + totals.accepted;
    let figure = |name: &'static str, count: u64, color: Color| {
        [
            Span::raw(grouped(count)).style(Style::new().fg(color).bold()),
            Span::styled(format!(" {name}   "), FAINT),
        ]
    };
    let mut figures = vec![Span::raw(" ")];
    figures.extend(figure("accepted", all, Color::Reset));
    figures.extend(figure("delivered", totals.delivered + totals.sent, Color::Green));
    figures.extend(figure("failed", totals.failed(), Color::Red));
    if totals.unknown > 0 {
        figures.extend(figure("unknown", totals.unknown, Color::Magenta));
    }
    figures.extend(figure("open", totals.open, Color::Yellow));
    if totals.refused > 0 {
        figures.extend(figure("refused", totals.refused, Color::Red));
    }
    figures.extend(figure("inbound", picture.inbound, Color::Cyan));
    let [text, bar] = Layout::vertical([Constraint::Length(1), Constraint::Length(1)]).areas(area);
    frame.render_widget(Line::from(figures), text);

    let width = usize::from(bar.width.saturating_sub(2));
    let parts = [
        (totals.delivered + totals.sent, Color::Green),
        (totals.failed(), Color::Red),
        (totals.unknown, Color::Magenta),
        (totals.open, Color::Yellow),
    ];
    let cells = divide(width, parts.map(|(count, _)| count));
    let mut spans = vec![Span::raw(" ")];
    spans.extend(
        cells
            .into_iter()
            .zip(parts)
            .map(|(cells, (_, color))| Span::styled("━".repeat(cells), Style::new().fg(color))),
    );
    if all == 0 {
        spans.push(Span::styled("─".repeat(width), FAINT));
    }
    frame.render_widget(Line::from(spans), bar);
}

/// Divides cells by counts; what is there at all gets one at least, and the largest pays for it.
fn divide<const N: usize>(cells: usize, counts: [u64; N]) -> [usize; N] {
    let whole: u128 = counts.iter().map(|count| u128::from(*count)).sum();
    if whole == 0 {
        return [0; N];
    }
    let part = |count: u64| match count {
        0 => 0,
        _ => usize::try_from(cells as u128 * u128::from(count) / whole).unwrap_or(cells).max(1),
    };
    let mut divided = counts.map(part);
    let used: usize = divided.iter().sum();
    if let Some(largest) = divided.iter_mut().max() {
        *largest = (*largest + cells).saturating_sub(used);
    }
    divided
}

fn draw_foot(frame: &mut Frame<'_>, area: Rect, picture: &Picture) {
    let key =
        |name: &'static str, does: &'static str| [Span::styled(name, STRONG), Span::styled(does, FAINT)];
    let hold = if picture.held.is_some() { " go on   " } else { " hold   " };
    let only = if picture.only_failures { " show all   " } else { " only failures   " };
    let mut keys = vec![Span::raw(" ")];
    keys.extend(key("q", " end   "));
    keys.extend(key("space", hold));
    keys.extend(key("f", only));
    keys.push(Span::styled(format!("metrics http://{}/metrics", picture.setting.admin), FAINT));
    let reach = vec![
        Span::raw(" "),
        Span::raw(format!("carrierctl --address http://{} ", picture.setting.gateway)),
        Span::styled("trunks, calls, call, send, events", FAINT),
    ];
    frame.render_widget(Paragraph::new(vec![Line::from(keys), Line::from(reach)]), area);
}

fn color(tone: Tone) -> Color {
    match tone {
        Tone::Good => Color::Green,
        Tone::Odd => Color::Yellow,
        Tone::Bad => Color::Red,
        Tone::Inbound => Color::Cyan,
        Tone::Plain => Color::Reset,
    }
}

/// Hours, minutes and seconds.
fn clock(since: Duration) -> String {
    let seconds = since.as_secs();
    format!("{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60)
}

#[cfg(test)]
mod tests {
    use ratatui::{Terminal, backend::TestBackend};

    use super::*;
    use crate::demo::picture::tests::sample;

    fn drawn(columns: u16, rows: u16, picture: &Picture, now: Instant) -> Vec<String> {
        let mut terminal = Terminal::new(TestBackend::new(columns, rows)).unwrap();
        terminal.draw(|frame| draw(frame, picture, now)).unwrap();
        let buffer = terminal.backend().buffer().clone();
        let row = |y| (0..columns).map(|x| buffer[(x, y)].symbol()).collect::<String>();
        (0..rows).map(row).collect()
    }

    #[track_caller]
    fn assert_shows(rows: &[String], texts: &[&str]) {
        for text in texts {
            assert!(rows.iter().any(|row| row.contains(text)), "no {text:?} in\n{}", rows.join("\n"));
        }
    }

    const ALWAYS: [&str; 35] = [
        "carrierd demo 00:00:09",
        "20/s, calls 1/s, seed 7, in ./carrierd-demo",
        "SIP",
        "4.0/s",
        "1 open",
        "66.7 % answered",
        "normal 2",
        "+86*******8000",
        "ringing",
        "SMPP 3.4",
        "CMPP 3.0",
        "up",
        "degraded",
        "2/2",
        "1/2",
        "127.0.0.1:40123",
        "3/32",
        "/s",
        "p50 180 ms",
        "p95 900 ms",
        "100.0 %",
        "5 waiting",
        "1,234 accepted",
        "1,150 delivered",
        "43 failed",
        "41 open",
        "1 inbound",
        "03:04:05",
        "+86*******0001",
        "MK:0005 (unmapped)",
        "139****1234",
        "q end",
        "metrics http://127.0.0.1:7301/metrics",
        "×3",
        "carrierctl --address http://127.0.0.1:7300 trunks",
    ];

    #[test]
    fn everything_is_there_in_80_columns_and_24_rows() {
        let now = Instant::now();
        assert_shows(&drawn(80, 24, &sample(now), now + Duration::from_secs(9)), &ALWAYS);
    }

    #[test]
    fn everything_is_there_in_120_columns_and_40_rows() {
        let now = Instant::now();
        assert_shows(&drawn(120, 40, &sample(now), now + Duration::from_secs(9)), &ALWAYS);
    }

    #[test]
    fn the_end_is_announced() {
        let now = Instant::now();
        let mut picture = sample(now);
        picture.phase = Phase::Draining(now + Duration::from_secs(7));
        assert_shows(&drawn(80, 24, &picture, now), &["ending: 42 open, 7 s"]);
    }

    #[test]
    fn a_window_that_is_too_small_says_so() {
        let now = Instant::now();
        assert_shows(&drawn(60, 10, &sample(now), now), &["too small"]);
        drawn(1, 1, &sample(now), now);
    }

    #[test]
    fn an_empty_picture_can_be_drawn() {
        let now = Instant::now();
        let picture = Picture::new(sample(now).setting, now);
        assert_shows(&drawn(80, 24, &picture, now), &["0 accepted"]);
    }

    #[test]
    fn a_bar_shows_all_there_is_and_is_as_long_as_it_should_be() {
        assert_eq!(divide(78, [0, 0, 0, 0]), [0; 4]);
        assert_eq!(divide(78, [1_000, 1, 0, 1]), [76, 1, 0, 1]);
        assert_eq!(divide(10, [5, 5]).iter().sum::<usize>(), 10);
    }
}
