// What has to be there before the SDK is loaded: it wants Node 22 for one function only, and it logs much to the
// console, whose standard output is ours.
Promise.withResolvers ??= function () {
    const all = {};
    all.promise = new this((resolve, reject) => Object.assign(all, { resolve, reject }));
    return all;
};

const verbose = Boolean(process.env.INTEROP_VERBOSE);
for (const level of ["trace", "debug", "info", "log"]) console[level] = verbose ? console.error : () => {};
console.warn = console.error;
