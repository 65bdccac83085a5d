/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The wrapped system calls (retry.c): the functions that the programs call instead
 * ("ld --wrap"), and those of the C library.
 */
#ifndef SELFTESTS_RETRY_H
#define SELFTESTS_RETRY_H

#include <poll.h>
#include <sys/epoll.h>
#include <sys/types.h>
#include <sys/uio.h>

int __wrap_open(const char *path, int flags, ...);
ssize_t __wrap_read(int fd, void *buf, size_t len);
ssize_t __wrap_write(int fd, const void *buf, size_t len);
ssize_t __wrap_readv(int fd, const struct iovec *iov, int count);
ssize_t __wrap_writev(int fd, const struct iovec *iov, int count);
ssize_t __wrap_preadv2(int fd, const struct iovec *iov, int count, off_t at, int flags);
ssize_t __wrap_pwritev2(int fd, const struct iovec *iov, int count, off_t at, int flags);
int __wrap_ioctl(int fd, unsigned long cmd, ...);
int __wrap_poll(struct pollfd *fds, nfds_t count, int timeout);
int __wrap_epoll_ctl(int epoll, int op, int fd, struct epoll_event *event);
int __wrap_fcntl(int fd, int cmd, ...);

int __real_open(const char *path, int flags, ...);
ssize_t __real_read(int fd, void *buf, size_t len);
ssize_t __real_write(int fd, const void *buf, size_t len);
ssize_t __real_readv(int fd, const struct iovec *iov, int count);
ssize_t __real_writev(int fd, const struct iovec *iov, int count);
ssize_t __real_preadv2(int fd, const struct iovec *iov, int count, off_t at, int flags);
ssize_t __real_pwritev2(int fd, const struct iovec *iov, int count, off_t at, int flags);
int __real_ioctl(int fd, unsigned long cmd, ...);
int __real_poll(struct pollfd *fds, nfds_t count, int timeout);
int __real_epoll_ctl(int epoll, int op, int fd, struct epoll_event *event);
int __real_fcntl(int fd, int cmd, ...);

#endif
