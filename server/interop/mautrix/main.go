//go:build goolm

// Command mautrix is a Matrix client, mautrix-go with its pure Go olm, that is told what to do: each line on standard input
// is {"id", "do", "args"}, each line on standard output {"id", "result"} or {"id", "error"}. It takes the same commands as
// ../js/driver.mjs, and two more for the web client's test (embedui/web/e2e/deep/other.e2e.mjs). It is a command of its own
// because mautrix chooses its olm by a build tag, and the other one needs cgo.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"sync"
)

type request struct {
	ID   int             `json:"id"`
	Do   string          `json:"do"`
	Args json.RawMessage `json:"args"`
}

type reply struct {
	ID     int    `json:"id"`
	Result any    `json:"result,omitempty"`
	Error  string `json:"error,omitempty"`
}

// A command is told by the fields of arguments that it needs.
type command func(context.Context, arguments) (any, error)

type arguments struct {
	URL         string          `json:"url"`
	User        string          `json:"user"`
	Password    string          `json:"password"`
	Name        string          `json:"name"`
	Room        string          `json:"room"`
	Event       string          `json:"event"`
	Body        string          `json:"body"`
	Key         string          `json:"key"`
	Data        []byte          `json:"data"`
	Typing      bool            `json:"typing"`
	After       int             `json:"after"`
	RecoveryKey string          `json:"recovery_key"`
	Device      string          `json:"device"`
	Content     json.RawMessage `json:"content"`
}

func main() {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	commands := newClient(os.Stderr).commands()
	var out sync.Mutex
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 16<<20)
	for lines.Scan() {
		var req request
		if err := json.Unmarshal(lines.Bytes(), &req); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		go func() {
			answer := run(ctx, commands, req)
			out.Lock()
			defer out.Unlock()
			_ = json.NewEncoder(os.Stdout).Encode(answer) // when nobody listens, standard input ends as well
		}()
	}
}

func run(ctx context.Context, commands map[string]command, req request) reply {
	do, ok := commands[req.Do]
	if !ok {
		return reply{ID: req.ID, Error: "no command " + req.Do}
	}
	var args arguments
	if err := json.Unmarshal(req.Args, &args); err != nil {
		return reply{ID: req.ID, Error: err.Error()}
	}
	result, err := do(ctx, args)
	if err != nil {
		return reply{ID: req.ID, Error: err.Error()}
	}
	return reply{ID: req.ID, Result: result}
}
