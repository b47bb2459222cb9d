import { createClient, ClientEvent, EventStatus, Filter, MatrixEventEvent, ReceiptType } from "matrix-js-sdk";
import { CryptoEvent, decodeRecoveryKey } from "matrix-js-sdk/lib/crypto-api/index.js";
import { RustBackupManager } from "matrix-js-sdk/lib/rust-crypto/backup.js";
import { Attachment, EncryptedAttachment } from "@matrix-org/matrix-sdk-crypto-wasm";
import { SlidingSync } from "matrix-js-sdk/lib/sliding-sync.js";
import { messages } from "./view.mjs";

RustBackupManager.maxBackupLoopStartDelayMillis = 0; // up to ten seconds, so that many clients don't upload at once

// What may change a view or a device's signatures.
const changing = [ClientEvent.Sync, MatrixEventEvent.Decrypted, MatrixEventEvent.Replaced, CryptoEvent.DevicesUpdated];

const encryption = { type: "m.room.encryption", state_key: "", content: { algorithm: "m.megolm.v1.aes-sha2" } };

/** One device, with Element's options: members are loaded lazily, threads are on, what is not acknowledged has no place yet. */
export class Client {
    static commands = [
        "login", "createRoom", "createDirect", "invite", "join", "send", "edit", "react", "redact", "sendFile", "readFile",
        "typing", "read", "view", "history", "bootstrap", "restore", "signed", "reply", "thread",
        "createPlain", "search",
    ];

    changes = 0; // counts what may have changed a view
    waiting = [];
    secretKey = null; // opens the secret storage

    async login({ url, user, password, name, sliding }) {
        const login = await createClient({ baseUrl: url }).loginRequest({
            type: "m.login.password",
            identifier: { type: "m.id.user", user },
            password,
            initial_device_display_name: name,
        });
        this.mx = createClient({
            baseUrl: url,
            userId: login.user_id,
            deviceId: login.device_id,
            accessToken: login.access_token,
            cryptoCallbacks: {
                getSecretStorageKey: async ({ keys }) => [Object.keys(keys)[0], this.secretKey],
                cacheSecretStorageKey: (_id, _info, key) => (this.secretKey = key),
            },
        });
        await this.mx.initRustCrypto({ useIndexedDB: false });
        for (const event of changing) this.mx.on(event, () => this.changed());
        const synced = new Promise((resolve) => this.mx.on(ClientEvent.Sync, (s) => s === "SYNCING" && resolve()));
        const filter = new Filter(login.user_id); // a long one: nothing here fills the gaps that a burst would leave
        filter.setTimelineLimit(100);
        const element = { lazyLoadMembers: true, threadSupport: true, pendingEventOrdering: "detached" };
        const slidingSync = sliding ? this.window(url) : undefined;
        await this.mx.startClient({ ...element, filter, initialSyncLimit: 8, slidingSync });
        await synced;
        return { user_id: login.user_id, device_id: login.device_id };
    }

    /** All rooms, by sliding sync. */
    window(url) {
        const config = { timeline_limit: 100, required_state: [["*", "*"]] };
        return new SlidingSync(url, new Map([["all", { ...config, ranges: [[0, 99]] }]]), config, this.mx, 20_000);
    }

    createRoom({ name }) {
        return this.mx.createRoom({ preset: "private_chat", name, initial_state: [encryption] });
    }

    createPlain({ name }) {
        return this.mx.createRoom({ preset: "private_chat", name });
    }

    createDirect({ user }) {
        const preset = "trusted_private_chat";
        return this.mx.createRoom({ preset, is_direct: true, invite: [user], initial_state: [encryption] });
    }

    invite({ room, user }) {
        return this.mx.invite(room, user);
    }

    async join({ room }) {
        await this.mx.joinRoom(room);
    }

    send({ room, body }) {
        return this.mx.sendMessage(room, { msgtype: "m.text", body });
    }

    edit({ room, event, body }) {
        return this.mx.sendMessage(room, {
            "msgtype": "m.text",
            "body": `* ${body}`,
            "m.new_content": { msgtype: "m.text", body },
            "m.relates_to": { rel_type: "m.replace", event_id: event },
        });
    }

    react({ room, event, key }) {
        return this.mx.sendEvent(room, "m.reaction", {
            "m.relates_to": { rel_type: "m.annotation", event_id: event, key },
        });
    }

    redact({ room, event }) {
        return this.mx.redactEvent(room, event);
    }

    async sendFile({ room, name, data }) {
        const encrypted = Attachment.encrypt(Buffer.from(data, "base64"));
        const { content_uri: url } = await this.mx.uploadContent(encrypted.encryptedData, { includeFilename: false });
        const file = { ...JSON.parse(encrypted.mediaEncryptionInfo), url };
        return this.mx.sendMessage(room, { msgtype: "m.file", body: name, file });
    }

    async readFile({ room, event }) {
        const { file } = this.event(room, event).getContent();
        const url = this.mx.mxcUrlToHttp(file.url, undefined, undefined, undefined, false, true, true);
        const response = await fetch(url, { headers: { Authorization: `Bearer ${this.mx.getAccessToken()}` } });
        if (!response.ok) throw new Error(`GET ${url}: ${response.status} ${await response.text()}`);
        const bytes = new Uint8Array(await response.arrayBuffer());
        const plain = Attachment.decrypt(new EncryptedAttachment(bytes, JSON.stringify(file)));
        return { data: Buffer.from(plain).toString("base64") };
    }

    typing({ room, typing }) {
        return this.mx.sendTyping(room, typing, 20000);
    }

    read({ room, event }) {
        return this.mx.sendReadReceipt(this.event(room, event), ReceiptType.Read);
    }

    /** What this device shows of a room, as soon as there are more changes than `after`. */
    async view({ room: id, after }) {
        await this.change(after);
        const seen = { changes: this.changes };
        const room = this.mx.getRoom(id);
        if (!room) return seen;
        // The SDK decrypts by itself what lies beyond our receipt, and the last event only where there is none; in /v3/sync the
        // rest too, because it looks for polls, in sliding sync not. What is shown is decrypted by who shows it, as in Element.
        await room.decryptAllEvents();
        const others = room.getMembers().filter((m) => m.userId !== this.mx.getUserId());
        const receipts = others.map((m) => [m.userId, room.getReadReceiptForUserId(m.userId, true)?.eventId]);
        return Object.assign(seen, {
            membership: room.getMyMembership(),
            name: room.name,
            encrypted: room.hasEncryptionStateEvent(),
            joined: room.getJoinedMembers().map((m) => m.userId).sort(),
            typing: others.filter((m) => m.typing).map((m) => m.userId),
            receipts: Object.fromEntries(receipts.filter(([, event]) => event)),
            messages: messages(room),
        });
    }

    /** Loads what was sent before this device existed, down to the creation of the room. */
    async history({ room: id }) {
        const room = this.mx.getRoom(id);
        while (room.oldState.paginationToken !== null) await this.mx.scrollback(room, 10);
        this.changed();
    }

    /** Sends a message in the thread of an event. */
    reply({ room, event, body }) {
        return this.mx.sendMessage(room, event, { msgtype: "m.text", body });
    }

    /** The thread of an event as the room's list of threads has it, and what its messages say, edits applied. */
    async thread({ room: id, event }) {
        const room = this.mx.getRoom(id);
        await room.createThreadsTimelineSets();
        await room.fetchRoomThreads();
        const thread = room.getThread(event);
        const { events } = await this.mx.relations(id, event, "m.thread", "m.room.message", { dir: "f" });
        return {
            count: thread.length,
            latest: thread.replyToEvent.getId(),
            participated: thread.hasCurrentUserParticipated,
            bodies: events.map((e) => e.getContent().body),
        };
    }

    /** All messages that are found, page by page, with the events before and after each. */
    async search({ body: term }) {
        const found = await this.mx.searchRoomEvents({ term });
        while (found.next_batch) await this.mx.backPaginateRoomEventsSearch(found);
        return {
            count: found.count,
            highlights: found.highlights.sort(),
            results: found.results.map(({ context }) => {
                const at = context.getOurEventIndex();
                const [before, event, after] = [-1, 0, 1].map((i) => context.getTimeline()[at + i]);
                return { event_id: event.getId(), before: before?.getId(), after: after?.getId() };
            }),
        };
    }

    /** Sets up cross-signing, secret storage and the key backup, and uploads the keys that are here. */
    async bootstrap({ user, password }) {
        const crypto = this.mx.getCrypto();
        await crypto.bootstrapCrossSigning({ authUploadDeviceSigningKeys: (upload) => confirm(upload, user, password) });
        const key = await crypto.createRecoveryKeyFromPassphrase();
        const uploaded = new Promise((resolve, reject) => {
            this.mx.on("crypto.keyBackupSessionsRemaining", (n) => n === 0 && resolve());
            this.mx.on("crypto.keyBackupFailed", reject);
        });
        await crypto.bootstrapSecretStorage({
            createSecretStorageKey: async () => key,
            setupNewSecretStorage: true,
            setupNewKeyBackup: true,
        });
        await uploaded;
        return { recovery_key: key.encodedPrivateKey };
    }

    /** Lets this device in with the recovery key: it is cross-signed, and gets the keys of the backup. */
    async restore({ recovery_key }) {
        const crypto = this.mx.getCrypto();
        this.secretKey = decodeRecoveryKey(recovery_key);
        await crypto.bootstrapCrossSigning({});
        await crypto.loadSessionBackupPrivateKeyFromSecretStorage();
        const { imported } = await crypto.restoreKeyBackup();
        return { imported };
    }

    /** Returns when a user's device bears its owner's cross-signature, of which sync tells. */
    async signed({ user, device }) {
        const crypto = this.mx.getCrypto();
        for (;;) {
            const { changes } = this;
            const status = await crypto.getDeviceVerificationStatus(user, device);
            if (status?.signedByOwner) return;
            await this.change(changes);
        }
    }

    event(room, id) {
        const event = this.mx.getRoom(room)?.findEventById(id);
        if (!event || event.status === EventStatus.SENDING) throw new Error(`event ${id} is not here`);
        return event;
    }

    /** Returns when there are more changes than `after`. */
    async change(after) {
        while (this.changes <= after) await new Promise((resolve) => this.waiting.push(resolve));
    }

    changed() {
        this.changes++;
        for (const resolve of this.waiting.splice(0)) resolve();
    }
}

// The first upload of cross-signing keys needs no password (v1.11), a replacement does.
async function confirm(upload, user, password) {
    try {
        return await upload(null);
    } catch (e) {
        if (e.httpStatus !== 401) throw e;
        const identifier = { type: "m.id.user", user };
        return await upload({ type: "m.login.password", identifier, password, session: e.data.session });
    }
}
