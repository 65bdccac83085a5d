// SPDX-License-Identifier: GPL-2.0
//go:build linux && !mips && !mipsle && !mips64 && !mips64le && !ppc64 && !ppc64le

// Channels of values: Chan[T], and how values become messages.

package gochan

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/gob"
	"encoding/json"
	"fmt"
	"unsafe"
)

// A Codec encodes values as messages. It is used by several goroutines at a time.
type Codec[T any] interface {
	Encode(value T) ([]byte, error)
	Decode(msg []byte) (T, error)
}

// DecodeError reports a message that could not be decoded. It was taken from the channel.
type DecodeError struct {
	Msg []byte
	Err error
}

// Error returns the reason.
func (e *DecodeError) Error() string {
	return fmt.Sprintf("gochan: cannot decode a message of %d bytes: %v", len(e.Msg), e.Err)
}

// Unwrap returns the error of the Codec.
func (e *DecodeError) Unwrap() error { return e.Err }

// Chan is a Channel of values of type T: Go's chan T. It embeds nothing: Channel returns
// the handle, for all that has nothing to do with T.
type Chan[T any] struct {
	ch    *Channel
	codec Codec[T]
}

// Typed returns a Chan on a handle.
func Typed[T any](ch *Channel, codec Codec[T]) *Chan[T] { return &Chan[T]{ch, codec} }

// Channel returns the handle.
func (c *Chan[T]) Channel() *Channel { return c.ch }

// Send is Channel.Send of a value. Errors of the codec mean that nothing was sent.
func (c *Chan[T]) Send(ctx context.Context, value T) error {
	msg, err := c.codec.Encode(value)
	if err != nil {
		return err
	}
	return c.ch.Send(ctx, msg)
}

// TrySend is Channel.TrySend of a value.
func (c *Chan[T]) TrySend(value T) error {
	msg, err := c.codec.Encode(value)
	if err != nil {
		return err
	}
	return c.ch.TrySend(msg)
}

func (c *Chan[T]) decode(msg []byte, err error) (T, error) {
	var zero T
	if err != nil {
		return zero, err
	}
	value, err := c.codec.Decode(msg)
	if err != nil {
		return zero, &DecodeError{msg, err}
	}
	return value, nil
}

// Recv is Channel.Recv of a value. If the message cannot be decoded, the error is a
// *DecodeError, which has the message.
func (c *Chan[T]) Recv(ctx context.Context) (T, error) { return c.decode(c.ch.Recv(ctx)) }

// TryRecv is Channel.TryRecv of a value, see Recv.
func (c *Chan[T]) TryRecv() (T, error) { return c.decode(c.ch.TryRecv()) }

// RecvLease is Channel.RecvLease of a value. If the message cannot be decoded, the lease is
// returned with the error, and is to be ended.
func (c *Chan[T]) RecvLease(ctx context.Context) (T, *Lease, error) {
	msg, lease, err := c.ch.RecvLease(ctx)
	value, err := c.decode(msg, err)
	return value, lease, err
}

// Range calls f for each value until the end of the channel, and then returns nil, see
// Channel.Range.
func (c *Chan[T]) Range(ctx context.Context, f func(value T) error) error {
	return c.ch.Range(ctx, func(msg []byte) error {
		value, err := c.decode(msg, nil)
		if err != nil {
			return err
		}
		return f(value)
	})
}

// SendOp returns an op that sends value, or the error of the codec.
func (c *Chan[T]) SendOp(value T) (*Op, error) {
	msg, err := c.codec.Encode(value)
	return SendOp(c.ch, msg), err
}

// RecvOp returns an op that receives a value, for Value.
func (c *Chan[T]) RecvOp() *Op { return RecvOp(c.ch, nil) }

// Value returns the value that an op has received, or the error of the op, or a
// *DecodeError.
func (c *Chan[T]) Value(op *Op) (T, error) { return c.decode(op.Msg, op.Err) }

var nativeOrder binary.ByteOrder = func() binary.ByteOrder {
	one := uint16(1)
	if *(*byte)(unsafe.Pointer(&one)) == 1 {
		return binary.LittleEndian
	}
	return binary.BigEndian
}()

type binaryCodec[T any] struct{ size int }

// Binary returns a codec for types of fixed size: numbers of fixed size (int64, not int),
// bool, and arrays and structs of these, as in package encoding/binary. Numbers have the
// machine's byte order, and nothing is added between fields, so that a C struct is the same
// message if its padding is written out, as fields named _. It panics for other types. See
// SizeOf.
func Binary[T any]() Codec[T] { return binaryCodec[T]{SizeOf[T]()} }

// SizeOf returns the length in bytes of the messages of Binary, for Setup.MsgSize. It
// panics if T is not of fixed size.
func SizeOf[T any]() int {
	var zero T
	size := binary.Size(zero)
	if size < 0 {
		panic(fmt.Sprintf("gochan: %T is not of fixed size", zero))
	}
	return size
}

func (c binaryCodec[T]) Encode(value T) ([]byte, error) {
	var buf bytes.Buffer
	buf.Grow(c.size)
	err := binary.Write(&buf, nativeOrder, value)
	return buf.Bytes(), err
}

func (c binaryCodec[T]) Decode(msg []byte) (value T, err error) {
	if len(msg) != c.size {
		return value, fmt.Errorf("length is not %d", c.size)
	}
	err = binary.Read(bytes.NewReader(msg), nativeOrder, &value)
	return value, err
}

type jsonCodec[T any] struct{}

// JSON returns a codec that uses package encoding/json, for peers in any language.
func JSON[T any]() Codec[T] { return jsonCodec[T]{} }

func (jsonCodec[T]) Encode(value T) ([]byte, error) { return json.Marshal(value) }

func (jsonCodec[T]) Decode(msg []byte) (value T, err error) {
	err = json.Unmarshal(msg, &value)
	return value, err
}

type gobCodec[T any] struct{}

// Gob returns a codec that uses package encoding/gob, for peers in Go. As each message must
// be understood by itself, it describes its type, so it is larger than in a stream of gobs.
func Gob[T any]() Codec[T] { return gobCodec[T]{} }

func (gobCodec[T]) Encode(value T) ([]byte, error) {
	var buf bytes.Buffer
	err := gob.NewEncoder(&buf).Encode(value)
	return buf.Bytes(), err
}

func (gobCodec[T]) Decode(msg []byte) (value T, err error) {
	err = gob.NewDecoder(bytes.NewReader(msg)).Decode(&value)
	return value, err
}
