// SPDX-License-Identifier: Apache-2.0

package wire

import (
	"bytes"
	"errors"
	"io"
	"reflect"
	"strings"
	"testing"
)

// samples holds one valid frame of every type.
func samples() []Frame {
	return []Frame{
		{Type: TypeHello, Payload: Hello{Version: Version, Window: DefaultWindow}.Append(nil)},
		{Type: TypeExec, Run: 1, Payload: Exec{Flags: ExecStdin | ExecTTY, Rows: 24, Cols: 80, Dir: "/tmp"}.Append(nil)},
		{Type: TypeArg, Run: 1, Payload: []byte("prog")},
		{Type: TypeEnv, Run: 1, Payload: []byte("K=V")},
		{Type: TypeFile, Run: 1, Payload: File{Mode: 0o755, Size: 3, Path: "dir/x"}.Append(nil)},
		{Type: TypeFileData, Run: 1, Payload: []byte("abc")},
		{Type: TypeRun, Run: 1, Payload: []byte{}},
		{Type: TypeStarted, Run: 1, Payload: Uint32(77)},
		{Type: TypeData, Stream: Stderr, Run: 1, Payload: []byte("out")},
		{Type: TypeEOF, Stream: Stdin, Run: 1, Payload: []byte{}},
		{Type: TypeWindow, Stream: Stdout, Run: 1, Payload: Uint32(4096)},
		{Type: TypeStop, Stream: Stdout, Run: 0xfffe, Payload: []byte{}},
		{Type: TypeSignal, Run: 1, Payload: Uint32(15)},
		{Type: TypeResize, Run: 1, Payload: Resize(50, 132)},
		{Type: TypeExit, Run: 1, Payload: Exit{Signal: 9}.Append(nil)},
		{Type: TypeError, Run: 1, Payload: []byte("no such file")},
		{Type: TypeDone, Payload: []byte{}},
	}
}

func TestEveryTypeSurvivesTheStream(t *testing.T) {
	want := samples()
	seen := map[Type]bool{}
	var stream bytes.Buffer
	w := NewWriter(&stream)
	for _, f := range want {
		seen[f.Type] = true
		if err := w.Send(f); err != nil {
			t.Fatalf("%v: %v", f.Type, err)
		}
	}
	for typ := TypeHello; typ < typeEnd; typ++ {
		if !seen[typ] {
			t.Errorf("no sample of %v", typ)
		}
	}
	// One byte at a time: frames must not depend on how reads are cut.
	r := NewReader(io.MultiReader(byteReaders(stream.Bytes())...))
	for i, f := range want {
		got, err := r.Next()
		if err != nil {
			t.Fatalf("frame %d: %v", i, err)
		}
		if !reflect.DeepEqual(got, f) {
			t.Errorf("frame %d: got %+v, want %+v", i, got, f)
		}
	}
	if _, err := r.Next(); err != io.EOF {
		t.Errorf("at the end: got %v, want io.EOF", err)
	}
}

func byteReaders(b []byte) []io.Reader {
	var rs []io.Reader
	for i := range b {
		rs = append(rs, bytes.NewReader(b[i:i+1]))
	}
	return rs
}

func TestHeaderLayout(t *testing.T) {
	got := Append(nil, Frame{Type: TypeData, Stream: 2, Run: 0x0304, Payload: []byte("xy")})
	want := []byte{9, 2, 0x04, 0x03, 2, 0, 0, 0, 'x', 'y'}
	if !bytes.Equal(got, want) {
		t.Errorf("got % x, want % x", got, want)
	}
}

func TestBadHeadersAreRefused(t *testing.T) {
	cases := []struct {
		name string
		in   []byte
		want string
	}{
		{"type zero", []byte{0, 0, 0, 0, 0, 0, 0, 0}, "unknown frame type 0"},
		{"type too high", []byte{byte(typeEnd), 0, 0, 0, 0, 0, 0, 0}, "unknown frame type"},
		{"payload too long", []byte{byte(TypeArg), 0, 0, 0, 1, 0, 2, 0}, "Arg frame of 131073 bytes"},
		{"payload too short", []byte{byte(TypeExit), 0, 0, 0, 7, 0, 0, 0}, "Exit frame of 7 bytes"},
		{"empty data", []byte{byte(TypeData), 1, 0, 0, 0, 0, 0, 0}, "Data frame of 0 bytes"},
		{"stream three", []byte{byte(TypeEOF), 3, 0, 0, 0, 0, 0, 0}, "EOF frame for stream 3"},
		{"stream of a streamless type", []byte{byte(TypeRun), 1, 0, 0, 0, 0, 0, 0}, "Run frame for stream 1"},
	}
	for _, c := range cases {
		_, err := NewReader(bytes.NewReader(c.in)).Next()
		if !errors.Is(err, ErrProtocol) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want %q", c.name, err, c.want)
		}
	}
}

func TestTruncatedStream(t *testing.T) {
	whole := Append(nil, Frame{Type: TypeArg, Payload: []byte("prog")})
	for n := 1; n < len(whole); n++ {
		_, err := NewReader(bytes.NewReader(whole[:n])).Next()
		if err != io.ErrUnexpectedEOF {
			t.Errorf("%d of %d bytes: got %v, want io.ErrUnexpectedEOF", n, len(whole), err)
		}
	}
}

func TestBadPayloadsAreRefused(t *testing.T) {
	cases := []struct {
		name string
		err  error
	}{
		{"hello magic", second(ParseHello([]byte("WRONG AGENT!")))},
		{"hello version", second(ParseHello(Hello{Version: 99, Window: DefaultWindow}.Append(nil)))},
		{"hello window", second(ParseHello(Hello{Version: Version, Window: 1}.Append(nil)))},
		{"hello length", second(ParseHello(nil))},
		{"exec flags", second(ParseExec(Exec{Flags: 0x80}.Append(nil)))},
		{"exec length", second(ParseExec(nil))},
		{"exec path", second(ParseExec(Exec{Dir: strings.Repeat("d", 4096)}.Append(nil)))},
		{"file mode", second(ParseFile(File{Mode: 0o10000, Path: "x"}.Append(nil)))},
		{"file size", second(ParseFile(File{Size: 1 << 63, Path: "x"}.Append(nil)))},
		{"file path", second(ParseFile(File{}.Append(nil)))},
		{"exit status", second(ParseExit(Exit{Status: 256}.Append(nil)))},
		{"exit both", second(ParseExit(Exit{Status: 1, Signal: 1}.Append(nil)))},
		{"exit signal", second(ParseExit(Exit{Signal: 65}.Append(nil)))},
		{"signal zero", second(ParseSignal(Uint32(0)))},
		{"signal high", second(ParseSignal(Uint32(65)))},
		{"number", second(ParseUint32(nil))},
	}
	for _, c := range cases {
		if !errors.Is(c.err, ErrProtocol) {
			t.Errorf("%s: got %v, want a protocol error", c.name, c.err)
		}
	}
}

func second[T any](_ T, err error) error { return err }

type failingWriter struct{ n int }

func (w *failingWriter) Write(p []byte) (int, error) {
	w.n++
	return 0, io.ErrClosedPipe
}

func TestWriterStopsAfterAFailure(t *testing.T) {
	w := &failingWriter{}
	s := NewWriter(w)
	for range 3 {
		if err := s.Send(Frame{Type: TypeDone}); err != io.ErrClosedPipe {
			t.Errorf("got %v, want the stream's error", err)
		}
	}
	if w.n != 1 {
		t.Errorf("%d writes after a failure, want none", w.n-1)
	}
}

func FuzzReader(f *testing.F) {
	var all []byte
	for _, s := range samples() {
		one := Append(nil, s)
		f.Add(one)
		all = append(all, one...)
	}
	f.Add(all)
	f.Fuzz(func(t *testing.T, in []byte) {
		r := NewReader(bytes.NewReader(in))
		var out []byte
		for {
			fr, err := r.Next()
			if err != nil {
				break
			}
			if len(fr.Payload) > MaxPayload {
				t.Fatalf("payload of %d bytes", len(fr.Payload))
			}
			out = Append(out, fr)
			// Each parser must cope with any payload, whatever the type.
			for _, p := range payloadParsers() {
				if enc, err := p(fr.Payload); err == nil && !bytes.Equal(enc, fr.Payload) && len(enc) != len(fr.Payload) {
					t.Fatalf("%v: payload % x re-encodes as % x", fr.Type, fr.Payload, enc)
				}
			}
		}
		if !bytes.Equal(out, in[:len(out)]) {
			t.Fatalf("% x re-encodes as % x", in, out)
		}
	})
}

// payloadParsers decode a payload and encode it again.
func payloadParsers() []func([]byte) ([]byte, error) {
	return []func([]byte) ([]byte, error){
		func(b []byte) ([]byte, error) { v, err := ParseHello(b); return v.Append(nil), err },
		func(b []byte) ([]byte, error) { v, err := ParseExec(b); return v.Append(nil), err },
		func(b []byte) ([]byte, error) { v, err := ParseFile(b); return v.Append(nil), err },
		func(b []byte) ([]byte, error) { v, err := ParseExit(b); return v.Append(nil), err },
		func(b []byte) ([]byte, error) { v, err := ParseSignal(b); return Uint32(v), err },
		func(b []byte) ([]byte, error) { r, c, err := ParseResize(b); return Resize(r, c), err },
	}
}
