// SPDX-License-Identifier: Apache-2.0

package images

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"
)

// command prepares a program with a small, known environment: what a user has
// set for other builds (ARCH, CROSS_COMPILE, MAKEFLAGS, GOFLAGS ...) must not
// change ours. When the context ends, the program is told to stop, and tells its
// children. It stays in our process group, so that a Ctrl-C that kills us reaches
// all of them.
func command(ctx context.Context, dir string, extraEnv []string, name string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = dir
	cmd.Env = append(baseEnv(), extraEnv...)
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = 5 * time.Second
	return cmd
}

// baseEnv is what programs that we run see of the environment.
func baseEnv() []string {
	env := []string{"LC_ALL=C", "LANG=C"}
	for _, name := range []string{
		"PATH", "HOME", "USER", "TMPDIR", "XDG_CACHE_HOME",
		"http_proxy", "https_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY",
		"GOPROXY", "GOMODCACHE", "GOCACHE", "GOPATH", "GOTOOLCHAIN", "GOSUMDB", "GOPRIVATE", "GONOSUMDB", "GOINSECURE", "GOAUTH",
		"SSL_CERT_FILE", "SSL_CERT_DIR", "CCACHE_DIR",
	} {
		if v, ok := os.LookupEnv(name); ok {
			env = append(env, name+"="+v)
		}
	}
	return env
}

// output runs a program and returns what it prints. Its error holds the program's
// own last words.
func output(ctx context.Context, dir string, extraEnv []string, name string, args ...string) (string, error) {
	var stdout, stderr bytes.Buffer
	cmd := command(ctx, dir, extraEnv, name, args...)
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		return stdout.String(), commandError(ctx, name, err, stderr.String())
	}
	return stdout.String(), nil
}

// commandError says in one line why a program failed.
func commandError(ctx context.Context, name string, err error, stderr string) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if errors.Is(err, exec.ErrNotFound) {
		return fmt.Errorf("%s is not installed", name)
	}
	if last := lastLines(stderr, 3); last != "" {
		return fmt.Errorf("%s: %s", name, strings.ReplaceAll(last, "\n", "; "))
	}
	return fmt.Errorf("%s: %w", name, err)
}

// lastLines returns the last n lines of a text that are not blank.
func lastLines(text string, n int) string {
	var lines []string
	for line := range strings.Lines(text) {
		if line = strings.TrimRight(line, "\r\n\t "); line != "" {
			lines = append(lines, line)
		}
	}
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}

// lineWriter passes on each complete line it is given, and a last incomplete one
// at Close.
type lineWriter struct {
	line func(string)
	part []byte
}

var _ io.WriteCloser = (*lineWriter)(nil)

func (l *lineWriter) Write(b []byte) (int, error) {
	l.part = append(l.part, b...)
	for {
		i := bytes.IndexAny(l.part, "\n\r")
		if i < 0 {
			return len(b), nil
		}
		l.line(string(l.part[:i]))
		l.part = l.part[i+1:]
	}
}

func (l *lineWriter) Close() error {
	if len(l.part) > 0 {
		l.line(string(l.part))
		l.part = nil
	}
	return nil
}
