//! Several answers at once: every step computes the next token of each answer that is being written, and a share of the prompts
//! that are being read.

use std::{
    collections::VecDeque,
    sync::mpsc::{Receiver, Sender, TryRecvError},
};

use super::{
    super::{
        frame::{EndReason, Report},
        options::EngineLimits,
    },
    llama::{Feed, Llama, Row, Sampler, Session, Token},
    prompt::Prompt,
    text::AnswerText,
};

/// How many tokens of prompts a step reads when no answer is being written.
const READ_ALONE: usize = 128;
/// How many tokens of prompts a step reads beside answers that are being written, so that those do not stand still.
const READ_BESIDE: usize = 32;

/// What the computing thread is told.
pub(super) enum Event {
    /// A question that fits.
    Ask(Question),
    /// The answer with this id is not wanted any more.
    Cancel(u64),
    /// The server has gone.
    Closed,
    /// The server says what makes no sense.
    Broken(String),
}

/// A question that fits.
pub(super) struct Question {
    /// Names the answer.
    pub(super) id: u64,
    /// Questions of the same conversation share a prefix.
    pub(super) conversation: String,
    /// The prompt.
    pub(super) prompt: Prompt<Token>,
    /// Where the sampling starts.
    pub(super) seed: u32,
}

/// One slot: its memory outlives the answer, for the next question of the same conversation.
#[derive(Default)]
struct Slot {
    conversation: String,
    /// The tokens that its memory holds.
    known: Vec<Token>,
    /// When it was last given to a question.
    used: u64,
    answer: Option<Answer>,
}

/// One answer on its way.
struct Answer {
    id: u64,
    prompt: Vec<Token>,
    /// How much of the prompt was known already.
    reused: usize,
    /// The token that was chosen last and is not yet read; none while the prompt is being read.
    chosen: Option<Token>,
    sampler: Sampler,
    text: AnswerText,
    /// Tokens written.
    written: usize,
    /// Tokens it may have.
    limit: usize,
}

/// Computes answers.
pub(super) struct Scheduler<'m> {
    llama: &'m Llama,
    session: Session<'m>,
    slots: [Slot; EngineLimits::SLOTS],
    waiting: VecDeque<Question>,
    reports: Sender<Report>,
    /// Counts the questions that got a slot.
    clock: u64,
}

impl<'m> Scheduler<'m> {
    pub(super) fn new(llama: &'m Llama, reports: Sender<Report>) -> Result<Self, String> {
        let session = llama.session()?;
        Ok(Self { llama, session, slots: Default::default(), waiting: VecDeque::new(), reports, clock: 0 })
    }

    /// Computes until the server has gone.
    ///
    /// # Errors
    /// When the computing fails; the process is to end then.
    pub(super) fn run(&mut self, events: &Receiver<Event>) -> Result<(), String> {
        loop {
            let busy = self.slots.iter().any(|slot| slot.answer.is_some());
            let event = if busy { events.try_recv() } else { events.recv().map_err(TryRecvError::from) };
            match event {
                Ok(Event::Ask(question)) => self.waiting.push_back(question),
                Ok(Event::Cancel(id)) => self.cancel(id),
                Ok(Event::Broken(message)) => return Err(message),
                Ok(Event::Closed) | Err(TryRecvError::Disconnected) => return Ok(()),
                Err(TryRecvError::Empty) => self.step()?,
            }
            self.give_slots()?;
        }
    }

    fn cancel(&mut self, id: u64) {
        if let Some(index) = self.waiting.iter().position(|question| question.id == id) {
            self.waiting.remove(index);
            self.report(Report::Ended { id, reason: EndReason::Cancelled, reused_tokens: 0, output_tokens: 0 });
        } else if let Some(index) = self.slots.iter().position(|slot| slot.answer.as_ref().is_some_and(|a| a.id == id))
        {
            self.end(index, EndReason::Cancelled);
        }
    }

    /// Gives free slots to waiting questions, first come, first served.
    fn give_slots(&mut self) -> Result<(), String> {
        while !self.waiting.is_empty() {
            let free = self.slots.iter().enumerate().filter(|(_, slot)| slot.answer.is_none());
            let conversation = self.waiting.front().map(|question| question.conversation.as_str());
            // The slot that knows this conversation, else the one that was not used for the longest time.
            let best = free.min_by_key(|(_, slot)| (Some(slot.conversation.as_str()) != conversation, slot.used));
            let Some((index, _)) = best else { return Ok(()) };
            let Some(question) = self.waiting.pop_front() else { return Ok(()) };
            self.begin(index, question)?;
        }
        Ok(())
    }

    fn begin(&mut self, index: usize, question: Question) -> Result<(), String> {
        let Prompt { tokens: prompt, partial_tokens } = question.prompt;
        let slot = &mut self.slots[index];
        // The last token is always read anew: the first choice is made after it.
        let reused = common_prefix(&slot.known, &prompt).min(prompt.len().saturating_sub(1));
        self.session.forget(index, reused)?;
        slot.known.truncate(reused);
        self.clock += 1;
        slot.used = self.clock;
        slot.conversation = question.conversation;
        let mut sampler = self.llama.sampler(question.seed);
        sampler.remember(&prompt[prompt.len() - partial_tokens.min(prompt.len())..]);
        let limit = EngineLimits::ANSWER_TOKENS.saturating_sub(partial_tokens);
        let text = AnswerText::new();
        slot.answer = Some(Answer { id: question.id, prompt, reused, chosen: None, sampler, text, written: 0, limit });
        if limit == 0 {
            self.end(index, EndReason::Length);
        }
        Ok(())
    }

    /// Computes one step and passes on what came of it.
    fn step(&mut self) -> Result<(), String> {
        let feeds = self.feeds();
        let rows = self.session.step(&feeds)?;
        for feed in &feeds {
            self.slots[feed.slot].known.push(feed.token);
        }
        for row in rows {
            self.write(&row);
        }
        Ok(())
    }

    /// What the next step reads.
    fn feeds(&self) -> Vec<Feed> {
        let mut feeds = Vec::new();
        let mut reading = Vec::new();
        for (slot, state) in self.slots.iter().enumerate() {
            match &state.answer {
                Some(Answer { chosen: Some(token), .. }) => {
                    feeds.push(Feed { slot, position: state.known.len(), token: *token, choose: true });
                }
                Some(answer) => reading.push((slot, state.known.len(), &answer.prompt)),
                None => {}
            }
        }
        let together = if feeds.is_empty() { READ_ALONE } else { READ_BESIDE };
        let share = together / reading.len().max(1);
        for (slot, known, prompt) in reading {
            let last = prompt.len().saturating_sub(1);
            let next = prompt.iter().enumerate().skip(known).take(share);
            feeds.extend(next.map(|(position, token)| Feed {
                slot,
                position,
                token: *token,
                choose: position == last,
            }));
        }
        feeds
    }

    /// Chooses a token and shows its text.
    fn write(&mut self, row: &Row) {
        let Some(answer) = &mut self.slots[row.slot].answer else { return };
        let token = self.session.choose(row, &mut answer.sampler);
        if self.llama.ends(token) {
            return self.end(row.slot, EndReason::Stop);
        }
        answer.chosen = Some(token);
        answer.written += 1;
        let full = answer.written >= answer.limit;
        let piece = answer.text.push(&self.llama.bytes(token));
        let id = answer.id;
        if !piece.text.is_empty() {
            self.report(Report::Text { id, text: piece.text });
        }
        if piece.stopped {
            self.end(row.slot, EndReason::Stop);
        } else if full {
            self.end(row.slot, EndReason::Length);
        }
    }

    /// Frees a slot and says why.
    fn end(&mut self, index: usize, reason: EndReason) {
        let Some(answer) = self.slots[index].answer.take() else { return };
        let Answer { id, reused, written, text, .. } = answer;
        let rest = text.finish();
        if !rest.is_empty() && reason != EndReason::Cancelled {
            self.report(Report::Text { id, text: rest });
        }
        let count = |tokens: usize| u32::try_from(tokens).unwrap_or(u32::MAX);
        self.report(Report::Ended { id, reason, reused_tokens: count(reused), output_tokens: count(written) });
    }

    fn report(&self, report: Report) {
        // Without a writer the server has gone; the end of stdin ends the process.
        let _ = self.reports.send(report);
    }
}

/// How many tokens two texts begin with in common.
fn common_prefix(left: &[Token], right: &[Token]) -> usize {
    left.iter().zip(right).take_while(|(left, right)| left == right).count()
}
