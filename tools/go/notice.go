// SPDX-License-Identifier: GPL-2.0

package gochan

import (
	"syscall"
	"unsafe"
)

// struct gochan_done
type kernelDone struct {
	channel    uint64
	seq        uint64
	deliveries uint32
	flags      uint32
}

const doneDead = 0x01

// NoticeSize is the length of the messages on a done channel, in bytes.
const NoticeSize = int(unsafe.Sizeof(kernelDone{}))

// Notice says that a message is done: what the kernel sends to Setup.Done.
type Notice struct {
	Channel    uint64 // Info.ID of the channel on which the message is done
	Seq        uint64 // its number there, Op.Seq of its send
	Deliveries int    // how often it was delivered
	Dead       bool   // whether it was given up, and not acknowledged
}

// ParseNotice returns the notice in a message that was received from a done channel.
//
// EINVAL: it has not the length of one.
func ParseNotice(msg []byte) (Notice, error) {
	var k kernelDone
	if len(msg) != NoticeSize {
		return Notice{}, newError("notice", "", syscall.EINVAL)
	}
	copy((*[NoticeSize]byte)(unsafe.Pointer(&k))[:], msg)
	return Notice{k.channel, k.seq, int(k.deliveries), k.flags&doneDead != 0}, nil
}
