/** What the server tells its web client at /config.json. */
export interface Config {
    /** Where the Matrix API is, without a slash at the end; empty: where this page came from. */
    base_url: string;
    server_name: string;
    /** The commune's name, as people know it; may be empty. */
    name: string;
    /** The user id of the town hall's account that is a member of salons; empty: none. */
    custodian: string;
}

export async function loadConfig(): Promise<Config> {
    const response = await fetch("/config.json");
    if (!response.ok) throw new Error(`/config.json: ${response.status}`);
    const config = (await response.json()) as Config;
    return { ...config, base_url: config.base_url || location.origin };
}
