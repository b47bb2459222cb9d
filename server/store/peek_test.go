package store

import (
	"context"
	"sync"
	"testing"
)

// However many long reads there are, a short one does not wait for them.
func TestAPeekDoesNotWaitBehindReads(t *testing.T) {
	db := open(t)
	var long sync.WaitGroup
	begun, end := make(chan struct{}), make(chan struct{})
	for range readers + 1 {
		long.Go(func() {
			_ = db.Read(context.Background(), func(*Reader) error { // ends when told
				begun <- struct{}{}
				<-end
				return nil
			})
		})
	}
	for range readers {
		<-begun
	}
	if err := db.Peek(t.Context(), func(r *Reader) error {
		_, err := r.MetaText(MetaServerName)
		return err
	}); err != nil {
		t.Error(err)
	}
	close(end)
	<-begun
	long.Wait()
}
