// SPDX-License-Identifier: GPL-2.0
//! Workers in Rust, through libgochan. Four processes take numbers from one channel and
//! send their squares to another; these are their standard input and output, as every
//! channel is a descriptor. Prints the sum, and that it is right is the exit status.

use std::env;
use std::ffi::c_void;
use std::io::{Error, Result};
use std::os::raw::c_int;
use std::os::unix::io::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::process::{Command, ExitCode};
use std::thread;

const WORKERS: usize = 4;
const JOBS: u64 = 1000;

#[link(name = "gochan")]
extern "C" {
    fn gochan_pair(fds: *mut c_int, capacity: u32, msg_size: u32, flags: u32) -> c_int;
    fn gochan_send(ch: c_int, msg: *const c_void, len: usize) -> c_int;
    fn gochan_recv(ch: c_int, buf: *mut c_void, size: usize, len: *mut usize) -> c_int;
}

/// A channel of numbers, or one direction of it: Go's `chan uint64`. Dropping it closes the
/// descriptor only.
struct Numbers(OwnedFd);

impl Numbers {
    /// `make(chan uint64, capacity)`: the receiving and the sending end.
    fn pair(capacity: u32) -> Result<(Numbers, Numbers)> {
        let mut fds = [-1; 2];
        // SAFETY: it writes two descriptors, which nobody else owns.
        unsafe {
            if gochan_pair(fds.as_mut_ptr(), capacity, u64::BITS / 8, 0) != 0 {
                return Err(Error::last_os_error());
            }
            Ok((
                Numbers(OwnedFd::from_raw_fd(fds[0])),
                Numbers(OwnedFd::from_raw_fd(fds[1])),
            ))
        }
    }

    /// A channel that was inherited, with a descriptor of its own.
    fn inherited(fd: c_int) -> Result<Numbers> {
        // SAFETY: the descriptor is borrowed until it is duplicated.
        Ok(Numbers(
            unsafe { BorrowedFd::borrow_raw(fd) }.try_clone_to_owned()?,
        ))
    }

    fn send(&self, number: u64) -> Result<()> {
        let message = number.to_ne_bytes();
        // SAFETY: it reads the message.
        match unsafe { gochan_send(self.0.as_raw_fd(), message.as_ptr().cast(), message.len()) } {
            0 => Ok(()),
            _ => Err(Error::last_os_error()),
        }
    }

    /// The next number, or None at the end.
    fn recv(&self) -> Result<Option<u64>> {
        let mut message = [0; 8];
        let mut len = 0;
        // SAFETY: it writes no more than the size of the message, and its length.
        let status = unsafe {
            gochan_recv(
                self.0.as_raw_fd(),
                message.as_mut_ptr().cast(),
                message.len(),
                &mut len,
            )
        };
        match status {
            1 => Ok(Some(u64::from_ne_bytes(message))),
            0 => Ok(None),
            _ => Err(Error::last_os_error()),
        }
    }
}

fn work() -> Result<()> {
    let jobs = Numbers::inherited(0)?;
    let results = Numbers::inherited(1)?;

    while let Some(number) = jobs.recv()? {
        results.send(number * number)?;
    }
    Ok(())
}

/// Start the workers. When this returns, only they have those ends of the channels.
fn start(jobs: Numbers, results: Numbers) -> Result<()> {
    for _ in 0..WORKERS {
        Command::new(env::current_exe()?)
            .arg("worker")
            .stdin(jobs.0.try_clone()?)
            .stdout(results.0.try_clone()?)
            .spawn()?;
    }
    Ok(())
}

fn sum_of_squares() -> Result<u64> {
    let (jobs, sender) = Numbers::pair(4)?;
    let (receiver, results) = Numbers::pair(4)?;
    let mut sum = 0;

    start(jobs, results)?;
    // The sender is dropped at its end, so the workers see the end of jobs, and exit.
    let producer = thread::spawn(move || (1..=JOBS).try_for_each(|number| sender.send(number)));
    while let Some(square) = receiver.recv()? {
        sum += square;
    }
    producer.join().expect("the producer does not panic")?;
    Ok(sum)
}

fn main() -> Result<ExitCode> {
    if env::args().nth(1).as_deref() == Some("worker") {
        work()?;
        return Ok(ExitCode::SUCCESS);
    }
    let sum = sum_of_squares()?;
    let right = (1..=JOBS).map(|number| number * number).sum::<u64>();
    println!("{WORKERS} workers, {JOBS} jobs: the sum of the squares is {sum}");
    Ok(if sum == right {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
