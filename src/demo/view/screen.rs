//! The terminal: taken over, drawn on, and given back on every way out, a panic included.

use std::{io, thread, time::Duration};

use crossterm::{
    event::{self, Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers},
    terminal,
};
use ratatui::DefaultTerminal;
use tokio::sync::mpsc;

use crate::demo::picture::Picture;

/// How often the thread that waits for keys looks whether it is still wanted.
const LOOK: Duration = Duration::from_millis(100);
/// Keys that may wait.
const KEYS: usize = 16;

/// What a person asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Input {
    /// The end.
    End,
    /// To hold the list, or to let it go on.
    Hold,
    /// Only failures, or everything.
    OnlyFailures,
    /// The window has another size.
    Redraw,
}

/// The terminal while it is ours. Dropping it gives it back.
#[derive(Debug)]
pub struct Screen {
    terminal: DefaultTerminal,
}

impl Screen {
    /// Takes the terminal over and begins to listen to the keys.
    ///
    /// # Errors
    /// It can't be switched.
    pub fn open() -> io::Result<(Self, mpsc::Receiver<Input>)> {
        // This also hangs itself before the panic hook, so that a panic's words come out on the restored terminal.
        let terminal = ratatui::try_init().inspect_err(|_| ratatui::restore())?;
        let (keys, inputs) = mpsc::channel(KEYS);
        thread::spawn(move || listen(&keys));
        Ok((Self { terminal }, inputs))
    }

    /// Draws a picture.
    ///
    /// # Errors
    /// The terminal is gone, or a panic somewhere in the process has given it back.
    pub fn draw(&mut self, picture: &Picture) -> io::Result<()> {
        if !terminal::is_raw_mode_enabled()? {
            return Err(io::Error::other("the terminal was given back"));
        }
        let now = std::time::Instant::now();
        self.terminal.draw(|frame| super::draw(frame, picture, now)).map(drop)
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        ratatui::restore();
    }
}

/// Runs until nobody listens any more, or the terminal is gone.
fn listen(inputs: &mpsc::Sender<Input>) {
    while !inputs.is_closed() {
        let read = match event::poll(LOOK) {
            Ok(false) => continue,
            Ok(true) => event::read(),
            Err(error) => Err(error),
        };
        let Ok(event) = read else {
            // Nobody can press a key any more. A failed send means that nobody listens either.
            let _ = inputs.blocking_send(Input::End);
            return;
        };
        if let Some(input) = input(&event)
            && inputs.blocking_send(input).is_err()
        {
            return;
        }
    }
}

fn input(event: &Event) -> Option<Input> {
    match event {
        Event::Key(KeyEvent { code, modifiers, kind: KeyEventKind::Press, .. }) => match code {
            KeyCode::Char('c') if modifiers.contains(KeyModifiers::CONTROL) => Some(Input::End),
            KeyCode::Char('q' | 'Q') | KeyCode::Esc => Some(Input::End),
            KeyCode::Char(' ') => Some(Input::Hold),
            KeyCode::Char('f' | 'F') => Some(Input::OnlyFailures),
            _ => None,
        },
        Event::Resize(..) => Some(Input::Redraw),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn q_and_control_c_end_it() {
        let press = |code, modifiers| input(&Event::Key(KeyEvent::new(code, modifiers)));
        assert_eq!(press(KeyCode::Char('q'), KeyModifiers::NONE), Some(Input::End));
        assert_eq!(press(KeyCode::Char('c'), KeyModifiers::CONTROL), Some(Input::End));
        assert_eq!(press(KeyCode::Char('c'), KeyModifiers::NONE), None);
        assert_eq!(press(KeyCode::Char(' '), KeyModifiers::NONE), Some(Input::Hold));
        assert_eq!(input(&Event::Resize(80, 24)), Some(Input::Redraw));
    }
}
